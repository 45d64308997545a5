import COpenSSL
import Synchronization

/// SHA-256 by libcrypto.
enum Digests {
    /// A running hash of the first bytes of every content of one size. Never changed once it is here: it is copied.
    private struct Midstate: @unchecked Sendable {
        let context: OpaquePointer
    }

    private static let midstates = Mutex<[Int: Midstate]>([:])

    /// Writes the 64 hexadecimal digits of the content's digest.
    static func write(_ content: Content, to hex: UnsafeMutablePointer<UInt8>) {
        let midstate = midstates.withLock { midstates in
            if let known = midstates[content.prefixBytes] { return known }
            let made = Midstate(context: hashOfPattern(content.prefixBytes))
            midstates[content.prefixBytes] = made
            return made
        }
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        EVP_MD_CTX_copy_ex(context, midstate.context)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Content.tailBytes) { tail in
            guard let base = tail.baseAddress else { return }
            content.writeTail(to: base)
            EVP_DigestUpdate(context, base, Content.tailBytes)
        }
        finish(context, hex)
    }

    /// Writes the 64 hexadecimal digits of the digest of `bytes`.
    static func write(_ bytes: UnsafePointer<UInt8>, _ count: Int, to hex: UnsafeMutablePointer<UInt8>) {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
        EVP_DigestUpdate(context, bytes, count)
        finish(context, hex)
    }

    /// `sha256:…` of `bytes`.
    static func digest(_ bytes: [UInt8]) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { hex in
            guard let base = hex.baseAddress else { return "" }
            bytes.withUnsafeBufferPointer { bytes in
                if let start = bytes.baseAddress { write(start, bytes.count, to: base) }
            }
            return "sha256:" + String(decoding: hex, as: UTF8.self)
        }
    }

    private static func finish(_ context: OpaquePointer?, _ hex: UnsafeMutablePointer<UInt8>) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { hash in
            guard let base = hash.baseAddress else { return }
            EVP_DigestFinal_ex(context, base, nil)
            Hex.write(base, 32, to: hex)
        }
    }

    private static func hashOfPattern(_ count: Int) -> OpaquePointer {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("no memory for a hash") }
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
        var left = count
        while left > 0 {
            EVP_DigestUpdate(context, Pattern.base, min(left, Pattern.bytes))
            left -= Pattern.bytes
        }
        return context
    }
}
