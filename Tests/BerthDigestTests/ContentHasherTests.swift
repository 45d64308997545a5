import BerthDigest
import BerthModel
import Testing

@Suite("Running hashes")
struct ContentHasherTests {
    @Test(
        "known answers (FIPS 180-4, examples)",
        arguments: [
            ("", Digest.ofNothing(.sha256).text),
            ("", Digest.ofNothing(.sha512).text),
            ("abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abc",
                "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                    + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            ),
        ])
    func knownAnswers(text: String, expected: String) throws {
        let expected = try Digest(expected)
        #expect(try digest(of: text, expected.algorithm) == expected)
    }

    @Test("cutting the bytes anywhere changes nothing", arguments: Digest.Algorithm.allCases)
    func pieces(algorithm: Digest.Algorithm) throws {
        let bytes = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let whole = try bytes.withUnsafeBytes { try Digest.of($0, algorithm) }
        for cut in [0, 1, 63, 64, 65, 127, 128, 129, 999, 1_000] {
            var hasher = try ContentHasher(algorithm)
            try bytes[..<cut].withUnsafeBytes { try hasher.update($0) }
            try bytes[cut...].withUnsafeBytes { try hasher.update($0) }
            #expect(try hasher.finish() == whole)
        }
    }

    @Test("a copy goes on by itself, and so does the original (B7)", arguments: Digest.Algorithm.allCases)
    func copies(algorithm: Digest.Algorithm) throws {
        var hasher = try ContentHasher(algorithm)
        try update(&hasher, "one")
        var copy = try hasher.copy()
        try update(&hasher, "two")
        try update(&copy, "three")
        #expect(try hasher.finish() == digest(of: "onetwo", algorithm))
        #expect(try copy.finish() == digest(of: "onethree", algorithm))
    }

    private func digest(of text: String, _ algorithm: Digest.Algorithm) throws -> Digest {
        try Array(text.utf8).withUnsafeBytes { try Digest.of($0, algorithm) }
    }

    private func update(_ hasher: inout ContentHasher, _ text: String) throws {
        try Array(text.utf8).withUnsafeBytes { try hasher.update($0) }
    }
}
