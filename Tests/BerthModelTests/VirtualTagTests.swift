import Testing

@testable import BerthModel

@Suite("Tags at a moment")
struct VirtualTagTests {
    @Test(
        "the form names a tag and the end of a second in UTC",
        arguments: [
            ("latest--at-19700101T000000Z", "latest", 0), ("latest--at-19700101T0000Z", "latest", 0),
            ("v1.0--at-20260501T120059Z", "v1.0", 1_777_636_859), ("v1.0--at-20260501T1200Z", "v1.0", 1_777_636_800),
            ("a--at-20240229T235959Z", "a", 1_709_251_199), ("a--at-20000229T000000Z", "a", 951_782_400),
            ("a--at-99991231T235959Z", "a", 253_402_300_799),
            ("a--at-20260501T1200Z--at-20270101T0000Z", "a--at-20260501T1200Z", 1_798_761_600),
        ])
    func moments(text: String, tag: String, second: Int64) throws {
        let virtual = try #require(VirtualTag(try Tag(text)))
        #expect(virtual.tag.text == tag)
        #expect(virtual.moment == second * 1_000_000 + 999_999)
    }

    @Test(
        "a time that does not exist is of the form and has no moment",
        arguments: [
            "20261301T1200Z", "20260001T1200Z", "20260230T1200Z", "20260431T1200Z", "20230229T0000Z", "21000229T0000Z",
            "20260501T2400Z", "20260501T1260Z", "20260501T120060Z", "19691231T2359Z", "00000000T0000Z",
        ])
    func impossible(time: String) throws {
        let virtual = try #require(VirtualTag(try Tag("a--at-" + time)))
        #expect(virtual.moment == nil)
    }

    @Test(
        "other tags are ordinary ones",
        arguments: [
            "latest", "a--at-home", "a--at-", "a--at-20260501", "a--at-20260501T12Z", "a--at-20260501T12005Z",
            "a--at-20260501T1200", "a--at-20260501t1200Z", "a--at-20260501T1200z", "a-at-20260501T1200Z",
            "a--at-2026050aT1200Z", "a--at-20260501T1200Zx", "at-20260501T1200Z",
        ])
    func ordinary(text: String) throws { #expect(VirtualTag(try Tag(text)) == nil) }

    @Test("every day from 1970 to 2400 is the day that its text says")
    func days() throws {
        for day in stride(from: Int64(0), to: 157_000, by: 1) {
            let text = Timestamp.text(milliseconds: day * 86_400_000).prefix(10).split(separator: "-")
            let numbers = text.compactMap { Int64($0) }
            #expect(Timestamp.day(year: numbers[0], month: numbers[1], day: numbers[2]) == day)
        }
    }
}
