/// A header that was shown and found good, to be known again with the next requests of the same connection: reading it and
/// hashing it costs more than all else that is asked of access. It says what was proved, never what that is worth: this is
/// asked anew each time (promise 5).
package final class ShownBefore: Sendable {
    enum Proof: Sendable {
        /// A genuine token, whatever has become of its owner.
        case token(BearerToken)
        /// The password of the user of this name.
        case password(String, RememberedPassword)
    }

    let mark: HeaderMark
    let proof: Proof

    init(_ mark: HeaderMark, _ proof: Proof) { (self.mark, self.proof) = (mark, proof) }
}

/// By which a header is known again.
enum HeaderMark: Sendable {
    /// A header with a bearer token, which ends soon by itself: comparing it costs less than hashing it.
    case text(String)
    /// 128 bits that depend on all of a header and on a secret of this process, so that no password is kept.
    case code(Int, Int)

    /// A secret, made anew by each process.
    struct Salt: Sendable {
        fileprivate let first = UInt64.random(in: .min ... .max)
        fileprivate let second = UInt64.random(in: .min ... .max)
    }

    static func code(of header: String, _ salt: Salt) -> HeaderMark {
        var (first, second) = (Hasher(), Hasher())
        first.combine(salt.first)
        second.combine(salt.second)
        header.utf8.span.withUnsafeBytes { bytes in
            first.combine(bytes: bytes)
            second.combine(bytes: bytes)
        }
        return .code(first.finalize(), second.finalize())
    }

    /// In a time that does not depend on how much of a header is right.
    func isOf(_ header: String, _ salt: Salt) -> Bool {
        switch self {
        case .text(let text):
            return text.utf8.span.withUnsafeBytes { a in
                header.utf8.span.withUnsafeBytes { b in
                    guard a.count == b.count else { return false }
                    var differences: UInt8 = 0
                    for index in 0..<a.count { differences |= a[index] ^ b[index] }
                    return differences == 0
                }
            }
        case .code(let first, let second):
            guard case .code(let otherFirst, let otherSecond) = Self.code(of: header, salt) else { return false }
            return first == otherFirst && second == otherSecond
        }
    }
}
