import CLibCrypto

/// The secret under which a registry seals what it hands out and wants back unchanged: HMAC-SHA256, cut to 128 bits
/// (RFC 2104, section 5).
package struct SealKey: Sendable, CustomStringConvertible, CustomReflectable {
    /// Length of the key in bytes.
    package static let byteCount = 32
    /// Length of a seal in bytes.
    package static let sealByteCount = 16

    package let bytes: [UInt8]

    /// Precondition: `bytes` are `byteCount` secret random bytes.
    package init(_ bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "a seal key has 32 bytes")
        self.bytes = bytes
    }

    package static func random() -> SealKey { SealKey(randomBytes(byteCount)) }

    /// 16 bytes; none if libcrypto is out of memory, and none is nobody's seal.
    package func seal(_ message: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        guard HMAC(EVP_sha256(), bytes, CInt(bytes.count), message, message.count, &code, &length) != nil else {
            return []
        }
        return Array(code.prefix(Self.sealByteCount))
    }

    /// Whether `seal` is the seal of `message`, in a time that does not depend on how much of it is right.
    package func isSeal(_ seal: [UInt8], of message: [UInt8]) -> Bool {
        let expected = self.seal(message)
        guard seal.count == Self.sealByteCount, expected.count == Self.sealByteCount else { return false }
        return CRYPTO_memcmp(seal, expected, Self.sealByteCount) == 0
    }

    // A key is never printed, whole or by its parts.
    package var description: String { "SealKey(***)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// `count` bytes that nobody can guess, from the system's generator (getrandom on Linux).
package func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
