package import BerthModel

/// What libcrypto may refuse. None of these depends on the bytes that are hashed.
package enum HashError: Error, Hashable {
    case outOfMemory
    /// This libcrypto was built, or configured, without the algorithm.
    case unavailable(Digest.Algorithm)
    case failed
}
