/// The address of some bytes, as in `sha256:9f86…`. Equal digests mean equal content.
///
/// Grammar: image specification, "Digests"; unregistered algorithms are refused.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package enum Algorithm: String, Hashable, Sendable, CaseIterable {
        case sha256, sha512

        /// Length of a hash in bytes.
        package var byteCount: Int {
            switch self {
            case .sha256: 32
            case .sha512: 64
            }
        }

        fileprivate func isNamed(_ bytes: UnsafeRawBufferPointer) -> Bool {
            rawValue.utf8.span.withUnsafeBytes { $0.elementsEqual(bytes) }
        }
    }

    package let algorithm: Algorithm
    /// The whole digest in its one spelling: algorithm, colon, lower-case hexadecimal.
    package let text: String

    /// Lower-case hexadecimal, always `2 * algorithm.byteCount` characters.
    package var hex: Substring {
        text[text.utf8.index(text.startIndex, offsetBy: algorithm.rawValue.utf8.count + 1)...]
    }
    package var description: String { text }

    /// The last 32 bits. A hash is spread evenly already: choosing one of several parts by it needs no other.
    package var spread: UInt {
        text.utf8.span.withUnsafeBytes { bytes in
            var digits = UInt64(
                bigEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
            // The low half of a digit is its value, that of a letter nine less.
            digits = (digits & 0x0f0f_0f0f_0f0f_0f0f) + (digits >> 6 & 0x0101_0101_0101_0101) * 9
            // One value in each byte: they are moved together by twos, fours and eights.
            digits = (digits | digits >> 4) & 0x00ff_00ff_00ff_00ff
            digits = (digits | digits >> 8) & 0x0000_ffff_0000_ffff
            return UInt(truncatingIfNeeded: (digits | digits >> 16) & 0xffff_ffff)
        }
    }

    package init(_ text: String) throws(DigestError) {
        let checked: Result<Algorithm, DigestError> = text.utf8.span.withUnsafeBytes { bytes in
            Result { () throws(DigestError) in try Self.check(bytes) }
        }
        (self.algorithm, self.text) = (try checked.get(), text)
    }

    /// The algorithm of a digest that is written in its one spelling.
    private static func check(_ bytes: UnsafeRawBufferPointer) throws(DigestError) -> Algorithm {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { throw .noAlgorithm }
        let name = UnsafeRawBufferPointer(rebasing: bytes[..<colon])
        guard let algorithm = Algorithm.allCases.first(where: { $0.isNamed(name) }) else { throw .unknownAlgorithm }
        let hex = UnsafeRawBufferPointer(rebasing: bytes[(colon + 1)...])
        guard hex.count == 2 * algorithm.byteCount else { throw .wrongLength(hex.count) }
        // Without a branch in the loop, so that the compiler makes it look at many at once.
        var areAll: UInt8 = 1
        for byte in hex {
            let isDigit: UInt8 = byte &- UInt8(ascii: "0") < 10 ? 1 : 0
            let isLetter: UInt8 = byte &- UInt8(ascii: "a") < 6 ? 1 : 0
            areAll &= isDigit | isLetter
        }
        guard areAll == 1 else { throw .notLowerHex }
        return algorithm
    }

    /// The digest whose hash is `hash`, of exactly `algorithm.byteCount` bytes.
    package init(_ algorithm: Algorithm, hash: [UInt8]) {
        precondition(hash.count == algorithm.byteCount, "a hash has the length of its algorithm")
        let name = algorithm.rawValue.utf8
        self.algorithm = algorithm
        self.text = String(unsafeUninitializedCapacity: name.count + 1 + 2 * hash.count) { out in
            var at = out.initialize(fromContentsOf: name)
            out.initializeElement(at: at, to: UInt8(ascii: ":"))
            at += 1
            for byte in hash {
                out.initializeElement(at: at, to: lowerHexDigit(byte >> 4))
                out.initializeElement(at: at + 1, to: lowerHexDigit(byte & 15))
                at += 2
            }
            return at
        }
    }

    // The algorithm is part of the text.
    package static func == (a: Digest, b: Digest) -> Bool { a.text == b.text }

    /// By the last 64 bits alone, which are as good as all: nobody finds many digests that have them in common.
    package func hash(into hasher: inout Hasher) {
        let (first, second) = text.utf8.span.withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: bytes.count - 16, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
            )
        }
        hasher.combine(first)
        hasher.combine(second)
    }

    /// What zero bytes hash to.
    package static func ofNothing(_ algorithm: Algorithm) -> Digest {
        switch algorithm {
        case .sha256: emptySHA256
        case .sha512: emptySHA512
        }
    }

    private static let emptySHA256 = Digest(
        .sha256, hex: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    private static let emptySHA512 = Digest(
        .sha512,
        hex: "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            + "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")

    private init(_ algorithm: Algorithm, hex: String) {
        (self.algorithm, self.text) = (algorithm, "\(algorithm.rawValue):\(hex)")
    }
}

package enum DigestError: Error, Hashable {
    case noAlgorithm
    case unknownAlgorithm
    /// Hexadecimal digits found after the colon, in bytes.
    case wrongLength(Int)
    case notLowerHex

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .noAlgorithm: "a digest is written algorithm:hexadecimal, as in sha256:9f86…"
        case .unknownAlgorithm: "the algorithm of a digest is sha256 or sha512"
        case .wrongLength(let count): "a digest has 64 (sha256) or 128 (sha512) hexadecimal digits, not \(count)"
        case .notLowerHex: "a digest has only the digits 0-9 and a-f, in lower case"
        }
    }
}
