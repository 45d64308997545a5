import Testing

@testable import BerthModel

@Suite("Rules for tags")
struct TagRuleTests {
    @Test(
        "a pattern means the whole tag, and * any characters",
        arguments: [
            ("v*", ["v", "v1", "v1.2.3"], ["1v", "V1", "latest"]), ("*", ["a", "latest--x"], []),
            ("*-rc*", ["1-rc", "1-rc2"], ["1rc", "rc"]), ("1.*.0", ["1..0", "1.2.0", "1.2.3.0"], ["1.0", "1.2.0a"]),
            ("latest", ["latest"], ["latest2", "LATEST"]), ("**", ["a"], []),
        ])
    func patterns(pattern: String, fitting: [String], others: [String]) throws {
        let pattern = try TagPattern(pattern)
        for tag in fitting { #expect(pattern.matches(try Tag(tag)), "\(pattern) \(tag)") }
        for tag in others { #expect(!pattern.matches(try Tag(tag)), "\(pattern) \(tag)") }
    }

    @Test(
        "what no tag could match is refused",
        arguments: ["", "-v*", ".v", "a b", "a/b", "v*é", "*********", String(repeating: "a", count: 129)])
    func refused(pattern: String) {
        #expect(throws: TagPatternError.self) { try TagPattern(pattern) }
    }

    @Test("a rule covers what one of its patterns fits and no exception does")
    func covers() throws {
        let rule = try TagRule(
            name: try #require(RuleName("all-but-latest")), repositories: .everything,
            tags: [TagPattern("*")], exceptions: [TagPattern("latest"), TagPattern("*-dev")])
        for (tag, isCovered) in [("v1", true), ("latest", false), ("latest2", true), ("x-dev", false)] {
            #expect(rule.covers(try Tag(tag)) == isCovered, "\(tag)")
        }
        #expect(throws: TagRuleError.noPattern) {
            try TagRule(name: rule.name, repositories: .everything, tags: [], exceptions: [])
        }
    }

    @Test("names", arguments: [("a", true), ("a-1", true), ("-a", false), ("A", false), ("", false), ("a b", false)])
    func names(text: String, isOne: Bool) { #expect((RuleName(text) != nil) == isOne) }
}
