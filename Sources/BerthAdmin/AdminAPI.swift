package import BerthAccess
package import BerthHTTP
import BerthModel
package import HTTPTypes
package import Logging
import NIOCore

/// The administration API under `/api/v1`: what the commands and, later, the console do. JSON in, JSON out.
///
package struct AdminAPI: RequestHandler {
    /// Where requests come in, and how it is known who sends them.
    package enum Door: Sendable {
        /// The admin socket. The kernel says who is at the other end: this user and root administer.
        case socket(user: UInt32)
        /// A listener for others: an administrator by name and password, or by a personal token.
        case network
    }
    private static let mostBytes = 1 << 20

    private let parts: AdminParts
    private let version: String
    private let door: Door
    private let trouble: @Sendable () async -> String?
    private let log: Logger

    /// - Parameter trouble: nil while the registry can do its work, else the reason in a few words.
    package init(
        _ parts: AdminParts, version: String, door: Door, trouble: @escaping @Sendable () async -> String? = { nil },
        logger: Logger
    ) {
        (self.parts, self.version, self.door, self.trouble, self.log) = (parts, version, door, trouble, logger)
    }

    package func handle(_ request: Request) -> Handling {
        if let check = check(request) { return check }
        switch door {
        case .socket(let user):
            guard let caller = request.peer.user, caller == 0 || caller == user else {
                return .answer(
                    AdminAnswer.refused(.forbidden, "Only the server's own user and root may do this.").response)
            }
            return .task { await answer(request, by: Actor(name: "operator", address: "uid \(caller)")).response }
        case .network:
            return .longTask {
                do throws(AdminRefusal) {
                    return await answer(request, by: try await administrator(request)).response
                } catch { return error.response }
            }
        }
    }

    /// Whether the process is up, and whether it can work: everybody may know.
    private func check(_ request: Request) -> Handling? {
        guard request.method == .get || request.method == .head else { return nil }
        switch request.path {
        case "/healthz": return .answer(.word("ok"))
        case "/readyz":
            return .task { [trouble] in
                guard let reason = await trouble() else { return .word("ready") }
                var response = Response.word(reason)
                response.status = .serviceUnavailable
                response.headers[.retryAfter] = "5"
                return response
            }
        default: return nil
        }
    }

    /// Throws unless the request is an administrator's, and not a foreign web page's that his browser has opened.
    private func administrator(_ request: Request) async throws(AdminRefusal) -> Actor {
        if request.isOfForeignPage {
            throw AdminRefusal(.forbidden, "Web pages of others may not do this.")
        }
        // No page makes a browser send that without asking first, with or without a body.
        if request.method == .post, request.field(.contentType) != "application/json" { throw .notJSON }
        let address = request.peer.address
        let principal: Principal?
        do throws(IdentityRefusal) {
            guard let header = request.field(.authorization) else { throw .credentials }
            principal = try await parts.access.administrator(Authorization(header), from: address)
        } catch { throw AdminRefusal(error) }
        guard let principal else {
            throw AdminRefusal(.forbidden, "Only administrators may do this, with a token that was made for it.")
        }
        return Actor(name: principal.text, address: address)
    }

    package func refuse(_ problem: HTTPProblem, requestID: String) -> Response {
        var response = AdminAnswer.refused(.badRequest, "The request is not valid HTTP.").response
        response.closesConnection = true
        return response
    }

    /// One request, whoever has been found to make it: the same for the socket and for a command on a stopped server.
    package func answer(_ request: Request, by actor: Actor) async -> AdminAnswer {
        guard let (operation, parameters) = AdminOperation.find(request.path) else {
            return .refused(.notFound, "There is nothing under this path; see /api/v1/openapi.json.")
        }
        guard let operation = operation.first(where: { $0.method == request.method }) else {
            return .refused(.methodNotAllowed, "This method cannot be used here.")
        }
        let body: AdminBody
        do throws(AdminRefusal) {
            body = try await read(request, operation)
        } catch { return .refused(error.status, error.message) }
        let call = AdminCall(parts: parts, version: version, actor: actor, parameters: parameters, body: body)
        do throws(AccessError) {
            return try await operation.run(call)
        } catch {
            if case .failed(let cause) = error { log.error("administration failed", metadata: ["cause": "\(cause)"]) }
            return .refused(error.status, error.message)
        }
    }

    /// Fields of the body, or for GET of the query.
    private func read(_ request: Request, _ operation: AdminOperation) async throws(AdminRefusal) -> AdminBody {
        guard request.method != .get else { return try AdminBody(query: request.query, operation.fields) }
        guard request.hasBody else { return try AdminBody(JSONObject(members: []), operation.fields) }
        guard request.field(.contentType) == "application/json" else { throw .notJSON }
        let bytes: [UInt8]
        do throws(BodyError) {
            bytes = Array(try await request.body.collect(upTo: Self.mostBytes).readableBytesView)
        } catch { throw AdminRefusal(.badRequest, "the body cannot be read") }
        guard case .object(let object)? = try? JSONValue(parsing: bytes) else {
            throw AdminRefusal(.badRequest, "the body is no JSON object")
        }
        return try AdminBody(object, operation.fields)
    }
}

/// Why a request is not even looked at.
struct AdminRefusal: Error {
    let status: HTTPResponse.Status
    let message: String
    var header: (name: HTTPField.Name, value: String)?

    init(_ status: HTTPResponse.Status, _ message: String) { (self.status, self.message) = (status, message) }

    static let notJSON = AdminRefusal(.unsupportedMediaType, "Send JSON with Content-Type application/json.")

    /// Why nobody is known who sends this.
    init(_ refusal: IdentityRefusal) {
        switch refusal {
        case .token, .credentials:
            self.init(.unauthorized, "Log in as an administrator, with a password or a personal token.")
            header = (.wwwAuthenticate, "Basic realm=\"berth\",charset=\"UTF-8\"")
        case .tooMany(let seconds):
            self.init(.tooManyRequests, "Too many logins have failed; try again in \(seconds) seconds.")
            header = (.retryAfter, "\(seconds)")
        case .busy:
            self.init(.tooManyRequests, "Too many logins at once; try again shortly.")
            header = (.retryAfter, "2")
        case .unavailable: self.init(.serviceUnavailable, "The registry cannot do this right now.")
        }
    }

    var response: Response {
        var response = AdminAnswer.refused(status, message).response
        if let header { response.headers[header.name] = header.value }
        return response
    }
}

/// What an operation works with.
struct AdminCall: Sendable {
    let parts: AdminParts
    let version: String
    let actor: Actor
    /// What stands in the path for `{name}` and the like.
    let parameters: [String]
    let body: AdminBody

    var access: Access { parts.access }
    func account(_ index: Int = 0) throws(AccessError) -> AccountName { try AccountName(parameters[index]) }
    func robot(_ index: Int = 0) throws(AccessError) -> RobotName { try RobotName(parameters[index]) }
}

extension AccessError {
    var status: HTTPResponse.Status {
        switch self {
        case .invalid: .badRequest
        case .unknown: .notFound
        case .conflict: .conflict
        case .denied: .forbidden
        case .busy: .tooManyRequests
        case .failed: .serviceUnavailable
        }
    }
}

/// An answer of the administration API.
package struct AdminAnswer: Sendable {
    package let status: HTTPResponse.Status
    /// JSON; empty for 204.
    package let body: [UInt8]

    init(_ status: HTTPResponse.Status, _ write: (inout JSONWriter) -> Void = { _ in }) {
        var json = JSONWriter()
        write(&json)
        (self.status, body) = (status, json.bytes)
    }

    /// 201 for what is new, 200 for what was there. `isDisabled` is told of what may rest although it was asked for: nothing
    /// is enabled by adding it again.
    static func added(_ addition: Addition, _ name: String, isDisabled: Bool? = nil) -> AdminAnswer {
        AdminAnswer(addition == .added ? .created : .ok) { json in
            json.beginObject()
            json.key("name")
            json.string(name)
            json.key("changed")
            json.bool(addition == .added)
            if let isDisabled { json.member("disabled", isDisabled) }
            json.endObject()
        }
    }

    /// Whether anything had to be done: a second time, nothing has.
    static func changed(_ isChanged: Bool) -> AdminAnswer {
        AdminAnswer(.ok) { json in
            json.beginObject()
            json.key("changed")
            json.bool(isChanged)
            json.endObject()
        }
    }

    static func refused(_ status: HTTPResponse.Status, _ message: String) -> AdminAnswer {
        AdminAnswer(status) { json in
            json.beginObject()
            json.key("error")
            json.string(message)
            json.endObject()
        }
    }

    var response: Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: body)), labels: Response.Labels(route: "admin"))
    }
}

extension Response {
    /// A short text for people and for what watches the registry.
    fileprivate static func word(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(string: text + "\n")), labels: Response.Labels(route: "health"))
    }
}
