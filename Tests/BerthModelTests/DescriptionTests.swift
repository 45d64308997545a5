import BerthModel
import Testing

@Suite("Descriptions of repositories")
struct DescriptionTests {
    @Test("one line of any text is kept as it is", arguments: ["", "Base images", "für alle \u{1F4E6}", "a \"b\" <c>"])
    func good(text: String) throws {
        #expect(try RepositoryDescription(text).text == text)
    }

    @Test(
        "line breaks and control characters are none",
        arguments: ["a\nb", "a\r", "\u{0}", "\t", "\u{7F}", "\u{85}", "\u{2028}", "\u{2029}", "\u{1B}[31m"])
    func controls(text: String) {
        #expect(throws: RepositoryDescriptionError.notOneLine) { try RepositoryDescription(text) }
    }

    @Test("its length is bounded in bytes")
    func length() throws {
        let longest = String(repeating: "\u{E9}", count: RepositoryDescription.longest / 2)
        #expect(try RepositoryDescription(longest).text == longest)
        #expect(throws: RepositoryDescriptionError.tooLong(RepositoryDescription.longest + 1)) {
            try RepositoryDescription(longest + "x")
        }
    }
}
