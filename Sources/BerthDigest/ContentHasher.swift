package import BerthModel
import CLibCrypto

/// A running hash over libcrypto's EVP. Feed it with `update`, end it with `finish`.
package struct ContentHasher: ~Copyable {
    package let algorithm: Digest.Algorithm
    private let context: OpaquePointer

    /// Throws `.outOfMemory`, or `.unavailable` if libcrypto has no such algorithm.
    package init(_ algorithm: Digest.Algorithm) throws(HashError) {
        guard let method = algorithm.method else { throw .unavailable(algorithm) }
        guard let context = EVP_MD_CTX_new() else { throw .outOfMemory }
        guard EVP_DigestInit_ex2(context, method, nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw .unavailable(algorithm)
        }
        self.init(algorithm, owning: context)
    }

    private init(_ algorithm: Digest.Algorithm, owning context: OpaquePointer) {
        (self.algorithm, self.context) = (algorithm, context)
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(HashError) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else { throw .failed }
    }

    /// A second hash that has seen the same bytes and goes on by itself.
    package borrowing func copy() throws(HashError) -> ContentHasher {
        guard let twin = EVP_MD_CTX_new() else { throw .outOfMemory }
        guard EVP_MD_CTX_copy_ex(twin, context) == 1 else {
            EVP_MD_CTX_free(twin)
            throw .failed
        }
        return ContentHasher(algorithm, owning: twin)
    }

    package consuming func finish() throws(HashError) -> Digest {
        var hash = [UInt8](repeating: 0, count: algorithm.byteCount)
        guard EVP_DigestFinal_ex(context, &hash, nil) == 1 else { throw .failed }
        return Digest(algorithm, hash: hash)
    }
}

// Proof: the context is reached through its one owner, for the struct cannot be copied and the pointer is private, and
// libcrypto ties no context to the thread that made it.
extension ContentHasher: @unchecked Sendable {}

extension Digest {
    /// The digest of bytes that are in memory as a whole.
    package static func of(
        _ bytes: UnsafeRawBufferPointer, _ algorithm: Digest.Algorithm
    ) throws(HashError) -> Digest {
        var hasher = try ContentHasher(algorithm)
        try hasher.update(bytes)
        return try hasher.finish()
    }
}

extension Digest.Algorithm {
    /// Fetched once: EVP_sha256() and its like are looked up again at each use (OpenSSL 3, crypto(7), "Performance").
    fileprivate var method: OpaquePointer? {
        switch self {
        case .sha256: Methods.sha256
        case .sha512: Methods.sha512
        }
    }
}

private enum Methods {
    // Proof: written once by the runtime before the first read; a fetched EVP_MD is never changed afterwards.
    nonisolated(unsafe) static let sha256 = EVP_MD_fetch(nil, "SHA2-256", nil)
    nonisolated(unsafe) static let sha512 = EVP_MD_fetch(nil, "SHA2-512", nil)
}
