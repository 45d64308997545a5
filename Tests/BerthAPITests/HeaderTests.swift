import BerthModel
import BerthRegistry
import Testing

@testable import BerthAPI

/// RFC 9110, section 14.2.
@Suite("Range headers")
struct ByteRangesTests {
    @Test(
        "what a header asks of ten bytes",
        arguments: [
            (nil, ByteRanges.whole), ("bytes=0-0", .one(0..<1)), ("bytes=0-9", .one(0..<10)),
            ("bytes=0-10", .one(0..<10)),
            ("bytes=9-", .one(9..<10)), ("bytes=-1", .one(9..<10)), ("bytes=-10", .one(0..<10)),
            ("bytes=-11", .one(0..<10)),
            ("BYTES=1-2", .one(1..<3)), ("bytes=1-2,", .one(1..<3)), ("bytes=,1-2", .one(1..<3)),
            ("bytes= 1-2 ", .one(1..<3)),
            ("bytes=10-", .none), ("bytes=-0", .none), ("bytes=10-11,12-", .none),
            ("bytes=0-0,2-2", .several([0..<1, 2..<3])), ("bytes=5-6,0-0", .several([5..<7, 0..<1])),
            ("bytes=0-4,5-9", .several([0..<5, 5..<10])), ("bytes=0-0,99-", .one(0..<1)),
            ("bytes=0-5,5-6", .whole), ("bytes=0-0,0-0", .whole), ("bytes=-5,0-5", .whole),
            ("bytes=1-0", .whole), ("bytes=a-", .whole), ("bytes=-", .whole), ("bytes=", .whole), ("bytes", .whole),
            ("bytes=1", .whole), ("bytes=0x1-2", .whole), ("bytes=1-2-3", .whole), ("chunks=0-1", .whole),
            ("bytes=\u{661}-2", .whole),
            ("bytes=9223372036854775807-", .none), ("bytes=0-9223372036854775808", .one(0..<10)),
            ("bytes=-9223372036854775808", .one(0..<10)), ("bytes=0-99999999999999999999999", .one(0..<10)),
        ] as [(String?, ByteRanges)])
    func asked(header: String?, expected: ByteRanges) {
        #expect(ByteRanges(header: header, size: 10) == expected)
    }

    @Test("an empty blob satisfies no range")
    func empty() {
        for header in ["bytes=0-0", "bytes=0-", "bytes=-1"] {
            #expect(ByteRanges(header: header, size: 0) == .none)
        }
    }

    @Test("a thousand ranges are taken, one more is not")
    func many() {
        func header(_ count: Int) -> String {
            "bytes=" + (0..<count).map { "\(2 * $0)-\(2 * $0)" }.joined(separator: ",")
        }
        guard case .several(let ranges) = ByteRanges(header: header(1000), size: 10_000) else {
            Issue.record("not several")
            return
        }
        #expect(ranges.count == 1000)
        #expect(ByteRanges(header: header(1001), size: 10_000) == .whole)
    }
}

@Suite("Content-Range of chunks")
struct ChunkRangeTests {
    @Test("both spellings are read", arguments: ["0-9", "bytes 0-9/10", "bytes 0-9/*", "bytes=0-9", " 0-9 "])
    func read(header: String) throws {
        let isRFC = header.contains("=")
        do throws(Refusal) {
            #expect(try ChunkRange.read(header) == ChunkRange(first: 0, last: 9))
            #expect(!isRFC)
        } catch {
            #expect(isRFC)
        }
    }

    @Test(
        "what is none is refused",
        arguments: [
            "", "0", "-", "-9", "9-", "9-0", "a-b", "0-9-", "0--9", "+0-9", "bytes", "bytes /10",
            "0-9223372036854775807",
            "99999999999999999999-99999999999999999999",
        ])
    func refused(header: String) {
        #expect(throws: Refusal.self) { try ChunkRange.read(header) }
    }
}

/// RFC 9110, sections 8.8.3 and 13.1.
@Suite("Entity tags")
struct EntityTagTests {
    private let digest = Digest.ofNothing(.sha256)

    @Test("a list is compared strongly, what is no digest matches nothing")
    func strong() {
        let tag = "\"\(digest)\""
        #expect(EntityTags("*") == .any)
        #expect(EntityTags(" * ") == .any)
        #expect(EntityTags(tag) == .these([digest]))
        #expect(EntityTags("\"x\", \(tag) ,\(tag)") == .these([digest, digest]))
        #expect(EntityTags("W/\(tag)") == .these([]))
        #expect(EntityTags(digest.text) == .these([]))
        #expect(EntityTags("") == .these([]))
        #expect(EntityTags(nil) == nil)
        #expect(EntityTags("*, \(tag)") == .these([digest]))
    }

    @Test("a reader's list is compared weakly")
    func weak() {
        for header in ["*", "\"\(digest)\"", "W/\"\(digest)\"", "\"a\" , W/\"\(digest)\""] {
            #expect(EntityTags.names(digest, header))
        }
        for header in [nil, "", "\"a\"", digest.text, "\"\(digest)"] {
            #expect(!EntityTags.names(digest, header))
        }
    }
}

@Suite("Queries")
struct QueryTests {
    @Test("values are decoded once, plus stays plus")
    func values() throws {
        let query = try Query("a=1&b=x%2By+z&b=2&c&d=%2525&=x&a%62=3")
        #expect(try query.value("a") == "1")
        #expect(query.values("b") == ["x+y+z", "2"])
        #expect(try query.value("c") == "")
        #expect(try query.value("d") == "%25")
        #expect(try query.value("ab") == "3")
        #expect(try query.value("none") == nil)
        #expect(throws: Refusal.self) { try query.value("b") }
    }

    @Test("what may stand once is refused twice, however it is written")
    func once() throws {
        for text in ["digest=a&digest=a", "n=1&last=x&n=2", "&%6E=1&&n=1", "n&n"] {
            #expect(throws: Refusal.self, "\(text)") { try Query(text) }
        }
        #expect(try Query("N=1&n=2&&x&x").value("n") == "2")
    }

    @Test("escapes that are none are refused", arguments: ["a=%", "a=%1", "a=%zz", "%=1", "a=%C3%28"])
    func refused(text: String) {
        #expect(throws: Refusal.self) { try Query(text) }
    }

    @Test("what is encoded decodes to itself")
    func roundTrip() {
        for text in ["", "a/b c", "ä%+&=?#", "\u{0}\n"] {
            #expect(PercentEncoding.decode(PercentEncoding.encode(text).utf8) == text)
        }
    }
}
