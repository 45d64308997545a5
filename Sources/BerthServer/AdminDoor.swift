import BerthAccess
import BerthAdmin
package import BerthConfig
import BerthHTTP
import Foundation
import HTTPTypes
import Logging
import NIOCore

/// Whoever carries out administration: a running server, reached by its socket, or else this process itself on the
/// stopped registry. Both run the same code.
package struct AdminDoor: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let body: [UInt8]
    }
    private enum Way {
        case socket(AdminClient)
        case here(AdminAPI)
    }
    private let way: Way

    /// What a command asks of the registry that it works on.
    package struct Terms: Sendable {
        /// There has to be one already.
        package var needsRegistry = false
        /// What clients were told before the stop is used up: right when no push is under way. Only on a stopped one.
        package var leasesAreOver = false

        package init() {}
    }

    /// Opens the door to the registry that `configuration` describes, making its root if there is none, and closes it
    /// after `body`. Throws `AdminDoorError`, and what opening the root throws.
    package static func with<Result>(
        _ configuration: Configuration, _ terms: Terms = Terms(), _ body: (AdminDoor) async throws -> Result
    ) async throws -> Result {
        var configuration = configuration
        let root = configuration.storage.root
        let client = AdminClient(path: AdminSocket.path(root))
        if client.isServed {
            guard !terms.leasesAreOver else { throw AdminDoorError.running }
            return try await body(AdminDoor(way: .socket(client)))
        }
        guard !terms.needsRegistry || FileManager.default.fileExists(atPath: root + "/LAYOUT") else {
            throw AdminDoorError.noRegistry(root)
        }
        if terms.leasesAreOver { (configuration.collector.lease, configuration.upload.maxAge) = (.zero, .zero) }
        let log = Logger(label: "berth") { _ in SwiftLogNoOpLogHandler() }
        ProcessHardening.apply(log)
        let observability = Observability(writer: LogWriter(.text), level: .error)
        let parts = try await StorageParts.open(configuration, observability, log)
        do {
            let access = try await parts.openAccess(configuration, log)
            let api = AdminAPI(
                AdminParts(configuration, parts, access, log), version: BerthVersion.current,
                door: .socket(user: geteuid()), logger: log)
            let result = try await body(AdminDoor(way: .here(api)))
            await parts.close(log)
            return result
        } catch {
            await parts.close(log)
            throw error
        }
    }

    /// Brings a snapshot back into the stopped registry that `configuration` describes; nil where a server runs, which has
    /// to do it. Throws `RestoreError`, and what opening the root throws.
    package static func restore(_ configuration: Configuration, _ order: RestoreOrder) async throws -> Answer? {
        let root = configuration.storage.root
        guard !AdminClient(path: AdminSocket.path(root)).isServed else { return nil }
        guard FileManager.default.fileExists(atPath: root + "/LAYOUT") else { throw AdminDoorError.noRegistry(root) }
        let log = Logger(label: "berth") { _ in SwiftLogNoOpLogHandler() }
        ProcessHardening.apply(log)
        let observability = Observability(writer: LogWriter(.text), level: .error)
        let parts = try await StorageParts.open(configuration, observability, log, restoring: order)
        do {
            let access = try await parts.openAccess(configuration, log)
            let api = AdminAPI(
                AdminParts(configuration, parts, access, log), version: BerthVersion.current,
                door: .socket(user: geteuid()), logger: log)
            let answer = try await AdminDoor(way: .here(api)).send("GET", "/api/v1/restorations")
            await parts.close(log)
            return answer
        } catch {
            await parts.close(log)
            throw error
        }
    }

    /// Asks a running server and nobody else; nil while there is none.
    package static func askRunning(_ configuration: Configuration, _ method: String, _ path: String) async -> Answer? {
        let client = AdminClient(path: AdminSocket.path(configuration.storage.root))
        guard client.isServed else { return nil }
        return try? await client.send(method, path, body: nil)
    }

    /// One request; `body` is JSON.
    package func send(_ method: String, _ path: String, body: [UInt8]? = nil) async throws -> Answer {
        switch way {
        case .socket(let client): return try await client.send(method, path, body: body)
        case .here(let api):
            guard let method = HTTPRequest.Method(method) else { return Answer(status: 405, body: []) }
            let request = Request(
                method: method, target: path, headers: body == nil ? [:] : [.contentType: "application/json"],
                body: body.map { RequestBody(ByteBuffer(bytes: $0)) } ?? .empty, hasBody: body != nil,
                contentLength: Int64(body?.count ?? 0))
            let answer = await api.answer(request, by: .operator)
            return Answer(status: answer.status.code, body: answer.body)
        }
    }
}

/// Speaks HTTP with a server on a Unix socket, one connection a request.
private struct AdminClient: Sendable {
    let path: String

    /// Whether somebody listens there.
    var isServed: Bool {
        guard let socket = connected() else { return false }
        close(socket)
        return true
    }

    func send(_ method: String, _ target: String, body: [UInt8]?) async throws -> AdminDoor.Answer {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n" }
        let request = Array((head + "\r\n").utf8) + (body ?? [])
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try exchange(request) }) }
        }
    }

    private func exchange(_ request: [UInt8]) throws -> AdminDoor.Answer {
        guard let socket = connected() else { throw AdminDoorError.broken }
        defer { close(socket) }
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw AdminDoorError.broken }
            sent += count
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            received += buffer[..<count]
        }
        return try answer(received)
    }

    /// The status line's number, and what follows the head: the connection's end is the body's.
    private func answer(_ bytes: [UInt8]) throws -> AdminDoor.Answer {
        let words = bytes.prefix { $0 != 13 }.split(separator: UInt8(ascii: " "))
        guard words.count >= 2, let status = Int(String(decoding: words[1], as: UTF8.self)),
            let end = bytes.firstRange(of: [13, 10, 13, 10])
        else { throw AdminDoorError.broken }
        return AdminDoor.Answer(status: status, body: Array(bytes[end.upperBound...]))
    }

    private func connected() -> CInt? {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: name.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return nil }
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            close(socket)
            return nil
        }
        return socket
    }
}

/// Why there is no way to the registry.
package enum AdminDoorError: Error, CustomStringConvertible {
    case broken
    case running
    case noRegistry(String)

    package var description: String {
        switch self {
        case .broken: "The running server broke the connection off."
        case .running: "The server is running, and clients rely on what it told them; stop it first."
        case .noRegistry(let path): "There is no registry in \(path); storage.root says where it is."
        }
    }
}

extension AdminParts {
    /// The rooms of a stopped registry, put together for one command.
    fileprivate init(_ configuration: Configuration, _ parts: StorageParts, _ access: Access, _ log: Logger) {
        self.init(
            access: access, registry: parts.registry(configuration, access, log),
            collector: parts.collector(configuration, log), disk: parts.disk)
    }
}
