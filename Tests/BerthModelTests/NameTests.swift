import BerthModel
import Testing

@Suite("Repository names")
struct RepositoryNameTests {
    @Test(
        "the grammar's names are accepted and kept as they are",
        arguments: [
            "a", "0", "library/nginx", "docker.io/library/nginx", "a.b", "a_b", "a__b", "a-b", "a--b", "a------b",
            "a/b/c/d/e/f/g/h/i/j", "0/1/2", "a1.b2_c3__d4-e5---f6", "xn--bcher-kva.example/app", "v2", "catalog",
            "blobs/uploads", "tags/list", String(repeating: "a", count: 255), String(repeating: "a/", count: 127) + "a",
        ])
    func accepted(text: String) throws {
        let name = try RepositoryName(text)
        #expect(name.text.utf8.elementsEqual(text.utf8))
        #expect("\(name)" == text)
    }

    @Test(
        "anything else is refused where it goes wrong",
        arguments: [
            ("/", 0), ("/a", 0), ("a/", 1), ("a//b", 2), ("-a", 0), ("a-", 1), (".a", 0), ("a.", 1), ("_a", 0),
            ("a_", 1),
            ("a..b", 2), ("a___b", 3), ("a._b", 2), ("a-_b", 2), ("a_-b", 2), ("a.-b", 2), ("a/.", 2), ("a/..", 2),
            ("..", 0), (".", 0), ("a/../b", 2), ("A", 0), ("aB", 1), ("Library/nginx", 0), ("a b", 1), (" a", 0),
            ("a ", 1), ("a:b", 1), ("host:5000/a", 4), ("a@b", 1), ("a\\b", 1), ("a%2fb", 1), ("a\u{0}b", 1),
            ("\u{0}", 0), ("a\n", 1), ("a\r\n", 1), ("a\t", 1), ("a?b", 1), ("a#b", 1), ("a+b", 1), ("a~b", 1),
            ("é", 0),
            ("e\u{301}", 1), ("а", 0), ("a\u{430}", 1), ("a\u{2044}b", 1), ("a\u{FF0F}b", 1), ("\u{FF41}", 0),
            ("a\u{200B}", 1), ("\u{FEFF}a", 0), ("\u{661}", 0), ("a\u{B2}", 1), ("ſ", 0), ("\u{212A}", 0), ("😀", 0),
            ("a\u{2024}b", 1), ("a\u{E0061}", 1),
        ] as [(String, Int)])
    func refused(text: String, offset: Int) {
        #expect(throws: RepositoryNameError.badCharacter(offset: offset)) { try RepositoryName(text) }
    }

    @Test("no name is empty or longer than 255 characters")
    func length() {
        #expect(throws: RepositoryNameError.empty) { try RepositoryName("") }
        for count in [256, 257, 100_000] {
            #expect(throws: RepositoryNameError.tooLong(count)) {
                try RepositoryName(String(repeating: "a", count: count))
            }
        }
        // Counted in bytes: 128 characters of two bytes are too long before they are too strange.
        #expect(throws: RepositoryNameError.tooLong(256)) { try RepositoryName(String(repeating: "é", count: 128)) }
    }

    @Test("names order by bytes")
    func order() throws {
        let sorted = try ["a-b", "a.b", "a/b", "a0", "a_b", "aa", "b"].map { text in try RepositoryName(text) }
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test("every refusal has words")
    func words() {
        let errors: [RepositoryNameError] = [.empty, .tooLong(256), .badCharacter(offset: 7)]
        #expect(errors.allSatisfy { !$0.message.isEmpty })
    }
}

@Suite("Tags")
struct TagTests {
    @Test(
        "the grammar's tags are accepted and kept as they are",
        arguments: [
            "latest", "1", "_", "__", "A", "v1.2.3", "1.0_alpha-2", "UPPER.lower-0_", "a.", "a-", "a..b",
            "1.2.3_build.5",
            "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.sig",
            String(repeating: "x", count: 128),
        ])
    func accepted(text: String) throws {
        #expect(try Tag(text).text.utf8.elementsEqual(text.utf8))
    }

    @Test(
        "anything else is refused where it goes wrong",
        arguments: [
            (".a", 0), ("-a", 0), ("a/b", 1), ("a:b", 1), ("a b", 1), (" ", 0), ("a+b", 1), ("a@b", 1), ("a\u{0}", 1),
            ("a\n", 1), ("a%", 1), ("é", 0), ("e\u{301}", 1), ("latеst", 3), ("\u{212A}", 0), ("ａ", 0), ("..", 0),
            ("a\\", 1), ("*", 0), ("a\u{200D}", 1), ("١", 0),
        ] as [(String, Int)])
    func refused(text: String, offset: Int) {
        #expect(throws: TagError.badCharacter(offset: offset)) { try Tag(text) }
    }

    @Test("no tag is empty or longer than 128 characters")
    func length() {
        #expect(throws: TagError.empty) { try Tag("") }
        #expect(throws: TagError.tooLong(129)) { try Tag(String(repeating: "x", count: 129)) }
        #expect(throws: TagError.tooLong(1_000_000)) { try Tag(String(repeating: "x", count: 1_000_000)) }
    }

    @Test("tags order by bytes: digits, upper case, underscore, lower case")
    func order() throws {
        let sorted = try ["0", "10", "9", "A", "Z", "_", "a", "a-", "a.", "a0", "aa"].map { text in try Tag(text) }
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test("every refusal has words")
    func words() {
        let errors: [TagError] = [.empty, .tooLong(129), .badCharacter(offset: 7)]
        #expect(errors.allSatisfy { !$0.message.isEmpty })
    }
}

@Suite("References")
struct ReferenceTests {
    @Test("a colon makes a digest, everything else is a tag")
    func kinds() throws {
        #expect(try Reference("latest") == .tag(Tag("latest")))
        let digest = Digest.ofNothing(.sha512)
        #expect(try Reference(digest.text) == .digest(digest))
        #expect(try Reference("sha256-abc") == .tag(Tag("sha256-abc")))
        #expect("\(try Reference(digest.text))" == digest.text)
    }

    @Test(
        "what is neither says what it was taken for",
        arguments: [
            ("", ReferenceError.tag(.empty)), ("a/b", .tag(.badCharacter(offset: 1))),
            ("..", .tag(.badCharacter(offset: 0))),
            ("sha256:", .digest(.wrongLength(0))), ("a:b", .digest(.unknownAlgorithm)),
            (":", .digest(.unknownAlgorithm)),
            ("sha256:..", .digest(.wrongLength(2))), ("a\u{0}", .tag(.badCharacter(offset: 1))),
        ] as [(String, ReferenceError)])
    func refused(text: String, expected: ReferenceError) {
        #expect(throws: expected) { try Reference(text) }
        #expect(!expected.message.isEmpty)
    }
}
