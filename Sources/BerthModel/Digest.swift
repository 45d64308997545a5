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
    }

    package let algorithm: Algorithm
    /// The whole digest in its one spelling: algorithm, colon, lower-case hexadecimal.
    package let text: String

    /// Lower-case hexadecimal, always `2 * algorithm.byteCount` characters.
    package var hex: Substring { text.dropFirst(algorithm.rawValue.utf8.count + 1) }
    package var description: String { text }

    /// The last 28 bits. A hash is spread evenly already: choosing one of several parts by it needs no other.
    package var spread: UInt {
        let bytes = text.utf8.span
        var bits: UInt = 0
        for index in (bytes.count - 7)..<bytes.count {
            // The low half of a digit is its value, that of a letter nine less.
            bits = bits << 4 | UInt((bytes[index] & 15) + (bytes[index] >> 6) * 9)
        }
        return bits
    }

    package init(_ text: String) throws(DigestError) {
        let bytes = text.utf8.span
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { throw .noAlgorithm }
        let algorithm: Algorithm
        if text.utf8.starts(with: "sha256:".utf8) {
            algorithm = .sha256
        } else if text.utf8.starts(with: "sha512:".utf8) {
            algorithm = .sha512
        } else {
            throw .unknownAlgorithm
        }
        let start = colon + 1
        guard bytes.count - start == 2 * algorithm.byteCount else { throw .wrongLength(bytes.count - start) }
        for index in start..<bytes.count {
            guard bytes[index].isLowerHexDigit else { throw .notLowerHex }
        }
        (self.algorithm, self.text) = (algorithm, text)
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
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }

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
