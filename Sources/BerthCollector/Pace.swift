/// How much of each second the collector may work.
package struct Pace: Sendable {
    /// Time of work in a second; nil: all of it.
    package let budget: Duration?

    package static let unlimited = Pace(budget: nil)

    package init(budget: Duration?) { self.budget = budget }

    /// How long to rest after some work, so that the two together keep to the budget.
    package func rest(after work: Duration) -> Duration {
        guard let budget, budget < .seconds(1), budget > .zero else { return .zero }
        return work * ((.seconds(1) - budget) / budget)
    }

    /// Does `step` and rests. A cancelled task does not rest.
    func taking<Value, Failure: Error>(_ step: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        let began = ContinuousClock.now
        let value = try await step()
        let rest = rest(after: began.duration(to: .now))
        if rest > .zero { try? await Task.sleep(for: rest) }
        return value
    }
}
