import CLibCrypto
import Synchronization

/// The secret under which a registry seals what it hands out and wants back unchanged: HMAC-SHA256, cut to 128 bits
/// (RFC 2104, section 5).
package struct SealKey: Sendable, CustomStringConvertible, CustomReflectable {
    /// Length of the key in bytes.
    package static let byteCount = 32
    /// Length of a seal in bytes.
    package static let sealByteCount = 16

    package let bytes: [UInt8]
    private let code: KeyedCode

    /// Precondition: `bytes` are `byteCount` secret random bytes.
    package init(_ bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "a seal key has 32 bytes")
        self.bytes = bytes
        code = KeyedCode(bytes)
    }

    package static func random() -> SealKey { SealKey(randomBytes(byteCount)) }

    /// 16 bytes; none if libcrypto is out of memory, and none is nobody's seal.
    package func seal(_ message: [UInt8]) -> [UInt8] {
        Array(code.of(message).prefix(Self.sealByteCount))
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

/// HMAC-SHA256 under one key, made ready once: to look the algorithm up and to take the key costs four times what a code of a
/// short message does (OpenSSL 3, crypto(7), "Performance").
private final class KeyedCode: Sendable {
    /// Used by one thread at a time; nil if libcrypto is out of memory.
    private let context: Mutex<Context?>

    private struct Context: ~Copyable {
        private let pointer: OpaquePointer

        static func with(_ key: [UInt8]) -> Context? {
            guard let method = EVP_MAC_fetch(nil, "HMAC", nil) else { return nil }
            // The context holds on to its method.
            defer { EVP_MAC_free(method) }
            guard let pointer = EVP_MAC_CTX_new(method) else { return nil }
            let context = Context(pointer: pointer)
            var digest = Array("SHA2-256".utf8CString)
            let isReady = digest.withUnsafeMutableBufferPointer { digest in
                let parameters = [
                    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.baseAddress, 0),
                    OSSL_PARAM_construct_end(),
                ]
                return EVP_MAC_init(pointer, key, key.count, parameters) == 1
            }
            guard isReady else { return nil }
            return context
        }

        deinit { EVP_MAC_CTX_free(pointer) }

        func code(of message: [UInt8]) -> [UInt8]? {
            var code = [UInt8](repeating: 0, count: 32)
            var length = 0
            // Without a key it begins anew with the one that it has.
            guard EVP_MAC_init(pointer, nil, 0, nil) == 1, EVP_MAC_update(pointer, message, message.count) == 1,
                EVP_MAC_final(pointer, &code, &length, code.count) == 1
            else { return nil }
            return code
        }
    }

    init(_ key: [UInt8]) { context = Mutex(Context.with(key)) }

    /// 32 bytes; none if libcrypto is out of memory.
    func of(_ message: [UInt8]) -> [UInt8] {
        context.withLock { context in context?.code(of: message) ?? [] }
    }
}

/// `count` bytes that nobody can guess, from the system's generator (getrandom on Linux).
package func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
