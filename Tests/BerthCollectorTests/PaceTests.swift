import BerthCollector
import Testing

@Suite("The collector's pace")
struct PaceTests {
    @Test(
        "work and the rest after it keep to the budget of each second",
        arguments: [
            (100, 20, 180), (500, 20, 20), (900, 90, 10), (1, 1, 999), (1_000, 20, 0), (2_000, 20, 0), (0, 20, 0),
        ])
    func rest(budget: Int, work: Int, rest: Int) {
        let pace = Pace(budget: .milliseconds(budget))
        let found = pace.rest(after: .milliseconds(work))
        #expect(found - .milliseconds(rest) < .microseconds(1) && .milliseconds(rest) - found < .microseconds(1))
    }

    @Test("without a budget nothing rests")
    func unlimited() { #expect(Pace.unlimited.rest(after: .seconds(5)) == .zero) }
}
