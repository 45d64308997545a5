package import BerthModel

/// What became of the credentials of a request.
package enum Identity: Sendable {
    case caller(Caller)
    /// A genuine token whose time is over: good for the uploads of the same principal alone, which outlive it.
    case expired(Caller)
    case refused(IdentityRefusal)
}

/// Why credentials do not count.
package enum IdentityRefusal: Error, Sendable, Equatable {
    /// A bearer token that is not ours, not yet or no longer valid, or whose owner is gone.
    case token
    /// Name and password do not belong together, or nothing that is understood was sent.
    case credentials
    /// Too many were wrong; seconds until the next attempt.
    case tooMany(seconds: Int)
    /// Too many passwords are being checked at this moment.
    case busy
    case unavailable
}

/// An account that has shown that it is itself.
package struct Account: Sendable {
    package let principal: Principal
    let id: Int64
    /// As it was when the credentials were checked: what is issued for another version is worth nothing.
    let version: Int64
    /// The personal token or robot's secret that was shown.
    let secret: StoredSecret?
    /// The certificate that was shown instead of a secret.
    var certificate: Shown?

    /// A client's certificate: the rule that names it, and when it ends in seconds since 1970.
    struct Shown: Sendable {
        let rule: Int64
        let expires: Int64
    }
    /// When what was shown ends, in seconds since 1970; nil: where `secret` says, or never.
    var ends: Int64?

    package var caller: Caller { Caller(principal, credential: secret?.scopes) }
    /// Whether a refresh token may be made of it. A certificate is shown again and again, and ends by itself; a job's
    /// session ends, and nothing that it is given outlives it.
    package var mayRefresh: Bool {
        if case .job = principal { return false }
        return certificate == nil
    }
}

/// A password that was right a moment ago.
struct RememberedPassword: Sendable {
    let userID: Int64
    let version: Int64
    /// Seconds since 1970.
    let until: Int64
}

/// The value of `Authorization`. RFC 9110, section 11.4; RFC 7617; RFC 6750, section 2.1.
package enum Authorization: Sendable, Equatable {
    case bearer(Substring)
    case basic(name: String, password: String)
    case unknown

    /// No header and no password is longer.
    private static let longest = 16 << 10

    package init(_ value: String) {
        self = .unknown
        let bytes = value.utf8
        guard bytes.count <= Self.longest else { return }
        let scheme = bytes.prefix { $0 != UInt8(ascii: " ") }
        let rest = bytes[scheme.endIndex...].drop { $0 == UInt8(ascii: " ") }
        // Without a token, it is a token that is not valid (RFC 6750, section 3.1), not a login.
        if scheme.isWord("bearer") {
            self = .bearer(Substring(rest))
        } else if scheme.isWord("basic"), let pair = Self.pair(rest) {
            self = .basic(name: pair.name, password: pair.password)
        }
    }

    private static func pair(_ text: Substring.UTF8View) -> (name: String, password: String)? {
        var padded = String(Substring(text))
        while padded.utf8.count % 4 != 0 { padded += "=" }
        guard let bytes = decodeBase64(padded), let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let name = String(validating: bytes[..<colon], as: UTF8.self),
            let password = String(validating: bytes[(colon + 1)...], as: UTF8.self)
        else { return nil }
        return (name, password)
    }
}

extension Substring.UTF8View {
    fileprivate func isWord(_ word: String) -> Bool {
        count == word.utf8.count && zip(self, word.utf8).allSatisfy { $0.asciiLowercased == $1 }
    }
}
