package import BerthAccess
import BerthBlobs
package import BerthConfig
import BerthHTTP
package import BerthRegistry
package import BerthServer
import Foundation
import Logging

/// A whole server on a free port of 127.0.0.1, with a root of its own.
package struct LiveServer: Sendable {
    package let port: Int
    package let server: Server
    package let root: String

    package func connect() throws -> TestConnection { try TestConnection(port: port) }

    /// One request on a connection of its own.
    @discardableResult
    package func send(
        _ method: String, _ target: String, _ headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> Reply {
        try await connect().send(method, target, headers, body: body)
    }

    @discardableResult
    package func get(_ target: String, _ headers: [(String, String)] = []) async throws -> Reply {
        try await send("GET", target, headers)
    }

    @discardableResult
    package func head(_ target: String, _ headers: [(String, String)] = []) async throws -> Reply {
        try await send("HEAD", target, headers)
    }

    @discardableResult
    package func delete(_ target: String, _ headers: [(String, String)] = []) async throws -> Reply {
        try await send("DELETE", target, headers)
    }
}

/// Runs `body` with a server, and removes it and its root afterwards.
///
/// `settles`: whether content is given its place in the background; without it only `settler.settleAll` does so.
package func withLiveServer<Result>(
    settles: Bool = true, clock: any WallClock = SystemWallClock(), fetch: KeyFetch? = nil,
    _ configure: (inout Configuration) -> Void = { _ in },
    _ body: (LiveServer) async throws -> Result
) async throws -> Result {
    try await withTemporaryFolder { folder in
        try await withLiveServer(root: folder + "/data", settles: settles, clock: clock, fetch: fetch, configure, body)
    }
}

/// The same on a root that is there already, as after a restart.
package func withLiveServer<Result>(
    root: String, settles: Bool = true, clock: any WallClock = SystemWallClock(), fetch: KeyFetch? = nil,
    _ configure: (inout Configuration) -> Void = { _ in },
    _ body: (LiveServer) async throws -> Result
) async throws -> Result {
    var configuration = Configuration()
    configuration.storage.root = root
    configuration.http.listen = [.tcp(host: "127.0.0.1", port: 0)]
    configuration.metrics.listen = nil
    configure(&configuration)
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let observability = Observability(writer: LogWriter(.json), level: .critical)
    let server = try await Server.open(
        configuration, observability: observability, clock: clock, fetch: fetch, logger: log)
    let addresses = try await server.http.start()
    let settling = Task { if settles { await server.registry.settler.run() } }
    func stop() async {
        await server.http.shutdown(grace: .seconds(5))
        settling.cancel()
        await settling.value
        await server.close()
    }
    do {
        guard let port = addresses.compactMap(\.port).first else { throw TestFailure("no TCP port") }
        let result = try await body(LiveServer(port: port, server: server, root: root))
        await stop()
        return result
    } catch {
        await stop()
        throw error
    }
}

/// A folder that is removed with everything in it when `body` is over.
package func withTemporaryFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/berth-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try await body(folder)
}

/// Runs `first` with a server, and `then` with another one on the same root, as after a restart.
package func withRestart<Kept>(
    first: (LiveServer) async throws -> Kept, reconfigured configure: (inout Configuration) -> Void = { _ in },
    then: (LiveServer, Kept) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let kept = try await withLiveServer(root: folder + "/data") { server in try await first(server) }
        try await withLiveServer(root: folder + "/data", configure) { server in try await then(server, kept) }
    }
}
