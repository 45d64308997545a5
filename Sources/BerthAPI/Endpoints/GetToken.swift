import BerthAccess
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes
import NIOCore

/// `GET /auth/token`: a token for the account that Basic credentials open; without any, for that of the client's
/// certificate, or else for what everybody may do. Docker's "Token Authentication Specification". Wrong credentials never
/// get an anonymous token, nor that of a certificate.
struct GetToken: Endpoint {
    /// A signature takes longer than an event loop should be held up.
    func isLong(_ call: Call) -> Bool { true }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let form = try Form((call.request.query ?? "").utf8)
        var account: Account?
        if let header = call.request.field(.authorization) {
            guard case .basic(let name, let password) = Authorization(header) else {
                throw Refusal(IdentityRefusal.credentials)
            }
            account = try await call.account { access, address async throws(IdentityRefusal) in
                try await access.authenticate(name, password, from: address)
            }
        } else {
            account = call.context.gate.accountByCertificate(call.request)
        }
        let isOffline = form["offline_token"].map { hasSameBytes($0, "true") } ?? false
        return try await call.token(account, form, withRefresh: isOffline)
    }
}

/// `POST /auth/token`: the same by a form, with a password or a refresh token (RFC 6749, sections 4.3 and 6); or the
/// secret of a job's session for its identity token (RFC 8693).
struct PostToken: Endpoint {
    private static let mostBytes = 64 << 10

    func isLong(_ call: Call) -> Bool { true }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let form = try await form(call)
        let account: Account
        switch form["grant_type"] {
        case "password":
            let (name, password) = (form["username"] ?? "", form["password"] ?? "")
            account = try await call.account { access, address async throws(IdentityRefusal) in
                try await access.authenticate(name, password, from: address)
            }
        case Self.exchange: return try await self.exchange(form, call)
        case "refresh_token":
            let text = form["refresh_token"] ?? ""
            account = try await call.account { access, address async throws(IdentityRefusal) in
                try await access.account(refreshToken: text, from: address)
            }
        default: throw .parameter("grant_type", "has to be password, refresh_token or \(Self.exchange)")
        }
        let isOffline = form["access_type"] == "offline" && form["grant_type"] == "password"
        return try await call.token(account, form, withRefresh: isOffline)
    }

    private static let exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    private static let accessToken = "urn:ietf:params:oauth:token-type:access_token"
    /// RFC 8693, section 3.
    private static let identityTokens = [
        "urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt",
    ]

    /// The session's secret is a bearer token, and the password of `oidc`.
    private func exchange(_ form: Form, _ call: Call) async throws(Refusal) -> Response {
        guard Self.identityTokens.contains(form["subject_token_type"] ?? "") else {
            throw .parameter("subject_token_type", "has to be \(Self.identityTokens.joined(separator: " or "))")
        }
        guard form["requested_token_type"].map({ $0 == Self.accessToken }) ?? true else {
            throw .parameter("requested_token_type", "can be \(Self.accessToken) alone")
        }
        let session: IssuedSession
        do throws(IdentityRefusal) {
            session = try await call.context.gate.access.exchange(
                form["subject_token"] ?? "", from: call.request.peer.address)
        } catch { throw Refusal(error) }
        var json = JSONWriter(reservingCapacity: 512)
        json.beginObject()
        for (key, value) in [
            ("access_token", session.secret), ("issued_token_type", Self.accessToken), ("token_type", "Bearer"),
            ("issued_at", Timestamp.text(milliseconds: session.issuedAt)),
        ] {
            json.key(key)
            json.string(value)
        }
        json.key("expires_in")
        json.int(session.lifetime)
        json.endObject()
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes)))
    }

    private func form(_ call: Call) async throws(Refusal) -> Form {
        guard let type = call.request.field(.contentType)?.utf8.split(separator: UInt8(ascii: ";")).first,
            type.trimmingSpaces().map(\.asciiLowercased).elementsEqual("application/x-www-form-urlencoded".utf8)
        else {
            throw Refusal(
                .unsupportedMediaType, .unsupported, "Send a form: Content-Type application/x-www-form-urlencoded.")
        }
        let buffer: ByteBuffer
        do throws(BodyError) { buffer = try await call.request.body.collect(upTo: Self.mostBytes) } catch {
            throw Refusal(.body(BodyFailure(error)))
        }
        return try Form(buffer.readableBytesView)
    }
}

/// `GET /auth/keys`: the public keys of the tokens (RFC 7517), so that others can check them too.
struct GetKeys: InstantEndpoint {
    func answer(at once: Call) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "public, max-age=300"],
            body: .bytes(ByteBuffer(bytes: once.context.gate.access.keyDocument())))
    }
}

extension Call {
    fileprivate func account(
        _ find: (Access, String) async throws(IdentityRefusal) -> Account
    ) async throws(Refusal) -> Account {
        do { return try await find(context.gate.access, request.peer.address) } catch { throw Refusal(error) }
    }

    /// The token itself: both names that clients look for, and `issued_at` with milliseconds, without which one of them
    /// asks for ever.
    fileprivate func token(_ account: Account?, _ form: Form, withRefresh: Bool) async throws(Refusal) -> Response {
        let access = context.gate.access
        let issued: IssuedToken
        var refresh: String?
        do throws(IdentityRefusal) {
            issued = try access.issue(account, RequestedScopes(form.values("scope")))
            if withRefresh, let account, account.mayRefresh {
                refresh = try await access.makeRefreshToken(account, from: request.peer.address)
            }
        } catch { throw Refusal(error) }
        var json = JSONWriter(reservingCapacity: 2_048)
        json.beginObject()
        for (key, value) in [("token", issued.text), ("access_token", issued.text)] {
            json.key(key)
            json.string(value)
        }
        json.key("expires_in")
        json.int(issued.lifetime)
        json.key("issued_at")
        json.string(Timestamp.text(milliseconds: issued.issuedAt))
        if let refresh {
            json.key("refresh_token")
            json.string(refresh)
        }
        json.endObject()
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes)))
    }
}
