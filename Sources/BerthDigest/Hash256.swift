import CLibCrypto

/// The SHA-256 of some bytes in memory, as a key: of a secret or token that itself is not kept. Where content is
/// addressed, it is `Digest`.
package struct Hash256: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Nil if libcrypto is out of memory.
    package init?(of bytes: UnsafeRawBufferPointer) {
        var hash: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let isDone = withUnsafeMutableBytes(of: &hash) { hash in
            EVP_Digest(
                bytes.baseAddress, bytes.count, hash.baseAddress?.assumingMemoryBound(to: UInt8.self), nil,
                Digest256.method, nil) == 1
        }
        guard isDone else { return nil }
        words = hash
    }

    package init?(of text: some StringProtocol) {
        var text = String(text)
        let hash = text.withUTF8 { Hash256(of: UnsafeRawBufferPointer($0)) }
        guard let hash else { return nil }
        self = hash
    }

    /// Nil unless they are 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        var hash: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &hash) { $0.copyBytes(from: bytes) }
        words = hash
    }

    package var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    /// Equality in a time that does not depend on how much is equal.
    package func isSame(as other: Hash256) -> Bool {
        (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2) | (words.3 ^ other.words.3)
            == 0
    }

    package static func == (a: Hash256, b: Hash256) -> Bool { a.isSame(as: b) }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

private enum Digest256 {
    // Proof: written once by the runtime before the first read; a fetched EVP_MD is never changed afterwards.
    nonisolated(unsafe) static let method = EVP_MD_fetch(nil, "SHA2-256", nil)
}
