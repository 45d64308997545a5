import BerthModel
import BerthTestSupport
import Testing

private let zeros = String(repeating: "0", count: 64)

@Suite("Digests")
struct DigestTests {
    @Test("the spread of a digest is its last 32 bits", arguments: [Digest.Algorithm.sha256, .sha512])
    func spread(algorithm: Digest.Algorithm) {
        for value in [0, 1, 0x0123_4567, 0x89AB_CDEF, 0xF0E1_D2C3, 0xFFFF_FFFF] as [UInt] {
            var hash = [UInt8](repeating: 0xA5, count: algorithm.byteCount)
            for byte in 0..<4 { hash[hash.count - 1 - byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt(byte))) }
            #expect(Digest(algorithm, hash: hash).spread == value)
        }
    }

    @Test("the digest of nothing parses to itself", arguments: Digest.Algorithm.allCases)
    func nothing(algorithm: Digest.Algorithm) throws {
        let digest = Digest.ofNothing(algorithm)
        #expect(try Digest(digest.text) == digest)
        #expect(digest.hex.utf8.count == 2 * algorithm.byteCount)
        #expect(digest.text == "\(algorithm.rawValue):\(digest.hex)")
    }

    @Test("a hash is written in lower-case hexadecimal", arguments: Digest.Algorithm.allCases)
    func fromHash(algorithm: Digest.Algorithm) throws {
        let hash = (0..<algorithm.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
        let digest = Digest(algorithm, hash: hash)
        #expect(try Digest(digest.text) == digest)
        #expect(digest.hex.hasPrefix("c8ed1237"))
    }

    @Test(
        "what is no digest is refused",
        arguments: [
            ("", DigestError.noAlgorithm), ("sha256", .noAlgorithm), (zeros, .noAlgorithm),
            (":" + zeros, .unknownAlgorithm), ("md5:d41d8cd98f00b204e9800998ecf8427e", .unknownAlgorithm),
            ("sha1:" + zeros, .unknownAlgorithm), ("sha384:" + zeros, .unknownAlgorithm),
            ("blake3:" + zeros, .unknownAlgorithm), ("SHA256:" + zeros, .unknownAlgorithm),
            ("sha256 :" + zeros, .unknownAlgorithm), (" sha256:" + zeros, .unknownAlgorithm),
            ("sha256+b64u:" + zeros, .unknownAlgorithm), ("ſha256:" + zeros, .unknownAlgorithm),
            ("sha２56:" + zeros, .unknownAlgorithm), ("sha256:", .wrongLength(0)), ("sha256:0", .wrongLength(1)),
            ("sha256:" + zeros.dropLast(), .wrongLength(63)), ("sha256:" + zeros + "0", .wrongLength(65)),
            ("sha512:" + zeros, .wrongLength(64)), ("sha256:" + zeros + zeros, .wrongLength(128)),
            ("sha256:" + zeros + "\n", .wrongLength(65)), ("sha256:" + zeros + "\u{0}", .wrongLength(65)),
            ("sha256::" + zeros, .wrongLength(65)), ("sha256:" + zeros.dropLast() + "A", .notLowerHex),
            ("sha256:" + zeros.dropLast() + "g", .notLowerHex), ("sha256:" + zeros.dropLast() + "\u{0}", .notLowerHex),
            ("sha256:" + zeros.dropLast() + " ", .notLowerHex), ("sha256:" + zeros.dropLast() + "/", .notLowerHex),
            ("sha256:" + zeros.dropLast(2) + "é", .notLowerHex), ("sha256:../../" + zeros.dropLast(6), .notLowerHex),
            ("sha256:" + zeros.dropLast(2) + "\u{661}", .notLowerHex),
        ] as [(String, DigestError)])
    func refused(text: String, expected: DigestError) {
        #expect(throws: expected) { try Digest(text) }
        #expect(!expected.message.isEmpty)
    }
}

@Suite("Upload ids")
struct UploadIDTests {
    @Test("a new id parses to itself and knows its start", arguments: [0, 1, 1_790_000_000_000, 0xFFFF_FFFF_FFFF])
    func roundTrip(milliseconds: Int64) throws {
        var random = SeededNumbers(seed: 1)
        for _ in 0..<100 {
            let id = UploadID(startedMilliseconds: milliseconds, using: &random)
            let parsed = try #require(UploadID(id.text))
            #expect(parsed == id)
            #expect(parsed.startedMilliseconds == milliseconds)
        }
    }

    @Test("a time beyond 48 bits does not trap", arguments: [Int64.min, -1, Int64.max])
    func extremeTimes(milliseconds: Int64) {
        var random = SeededNumbers(seed: 2)
        #expect(UploadID(UploadID(startedMilliseconds: milliseconds, using: &random).text) != nil)
    }

    @Test("later ids come later in byte order")
    func order() {
        var random = SeededNumbers(seed: 3)
        let ids = (0..<50).map { UploadID(startedMilliseconds: 1_790_000_000_000 + $0, using: &random).text }
        #expect(ids.sorted(by: precedesInBytes) == ids)
    }

    @Test(
        "only the one spelling of a version 7 UUID is an id",
        arguments: [
            "", "0", "0199a3c4-1234-7abc-8def-0123456789a", "0199a3c4-1234-7abc-8def-0123456789abc",
            "0199A3C4-1234-7abc-8def-0123456789ab", "0199a3c4-1234-4abc-8def-0123456789ab",
            "0199a3c4-1234-7abc-7def-0123456789ab", "0199a3c4-1234-7abc-cdef-0123456789ab",
            "0199a3c412347abc8def0123456789ab", "{0199a3c4-1234-7abc-8def-0123456789ab}",
            "0199a3c4-1234-7abc-8def_0123456789ab", "0199a3c4 1234-7abc-8def-0123456789ab",
            "0199a3cg-1234-7abc-8def-0123456789ab", "../../..-1234-7abc-8def-0123456789ab",
            "0199a3c4-1234-7abc-8def-0123456789a\u{0}", "0199a3c4-1234-7abc-8def-0123456789\u{E9}",
            "0199a3c4-1234-7abc-8def-0123456789ab\n",
        ])
    func refused(text: String) {
        #expect(UploadID(text) == nil)
    }
}

@Suite("Principals and codes")
struct PrincipalTests {
    @Test(
        "a principal reads back from its text",
        arguments: [
            Principal.anonymous, .user("ann"), .user("anonymous"), .robot("team+ci"),
            .job(rule: "ci", subject: "repo:org/app:ref:refs/heads/main"),
            Principal(jobOf: "ci", subject: "a b%\u{e9}\n"),
        ])
    func roundTrip(principal: Principal) {
        #expect(Principal(principal.text) == principal)
    }

    @Test("a combining mark after the colon belongs to the name")
    func combining() {
        #expect(Principal("user:\u{301}x") == .user("\u{301}x"))
    }

    @Test("other text is nobody", arguments: ["", "Anonymous", "user", "user:", "robot:x", "anonymous "])
    func refused(text: String) {
        #expect(Principal(text) == nil)
    }

    @Test("the fourteen codes of the specification and two of Docker's are all different and upper case")
    func codes() {
        #expect(OCIErrorCode.allCases.count == 16)
        #expect(Set(OCIErrorCode.allCases.map(\.rawValue)).count == 16)
        #expect(OCIErrorCode.allCases.allSatisfy { $0.rawValue.utf8.allSatisfy { $0.isUpperLetter || $0 == 0x5F } })
    }
}
