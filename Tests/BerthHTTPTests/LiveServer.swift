import BerthHTTP
import BerthTestSupport
import HTTPTypes
import Logging
import NIOCore
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// Set once.
final class Flag: Sendable {
    private let value = Mutex(true)
    /// The value before.
    func exchange(_ new: Bool) -> Bool {
        value.withLock { value in
            defer { value = new }
            return value
        }
    }
}

/// Values that come one by one, to be waited for.
final class Inbox<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func put(_ value: Value) { continuation.yield(value) }

    func next() async -> Value? {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next()
    }
}

/// A handler made of a closure, and plain refusals.
struct TestHandler: RequestHandler {
    let route: @Sendable (Request) -> Handling

    func handle(_ request: Request) -> Handling { route(request) }

    func refuse(_ problem: HTTPProblem, requestID: String) -> Response {
        Response(status: problem.usualStatus, body: .bytes(ByteBuffer(string: "\(problem)")))
    }
}

extension HTTPProblem {
    var usualStatus: HTTPResponse.Status {
        switch self {
        case .badRequest: .badRequest
        case .targetTooLong: .uriTooLong
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .expectationFailed: .expectationFailed
        case .unsupportedTransferEncoding: .notImplemented
        case .unsupportedVersion: .httpVersionNotSupported
        case .headStalled, .bodyStalled: .requestTimeout
        case .tooManyConnections, .draining: .serviceUnavailable
        case .internalError: .internalServerError
        }
    }
}

/// Keeps what the server reports.
final class Recorder: RequestObserver {
    let records = Inbox<RequestRecord>()
    private let counts = Mutex((open: 0, ended: 0))

    func finished(_ record: RequestRecord) { records.put(record) }
    func connections(delta: Int) {
        counts.withLock { counts in
            counts.open += delta
            if delta < 0 { counts.ended -= delta }
        }
    }
    /// Connections at this moment.
    var connections: Int { counts.withLock(\.open) }
    /// Connections that have been and are no more.
    var ended: Int { counts.withLock(\.ended) }
}

struct LiveServer: Sendable {
    let server: HTTPServer
    let addresses: [BoundAddress]
    let recorder: Recorder

    var port: Int { addresses.compactMap(\.port).first ?? 0 }

    func connect(receiveBuffer: CInt? = nil) async throws -> RawClient {
        try await RawClient.connect(port: port, receiveBuffer: receiveBuffer)
    }

    /// One request on a connection of its own.
    func ask(_ request: String) async throws -> RawClient.Reply {
        let client = try await connect()
        try await client.send(request)
        return try await client.readReply(toHead: request.hasPrefix("HEAD"))
    }
}

extension HTTPServerConfiguration {
    /// A free port of 127.0.0.1 and one event loop, changed by `change`.
    static func local(_ change: (inout HTTPServerConfiguration) -> Void = { _ in })
        -> HTTPServerConfiguration
    {
        var configuration = HTTPServerConfiguration(
            listeners: [.tcp(host: "127.0.0.1", port: 0)], eventLoops: 1)
        // Tests that need a deadline set it; in all others a busy machine must not meet one.
        configuration.timeouts.drain = .seconds(30)
        change(&configuration)
        return configuration
    }
}

/// Runs a server on a free port of 127.0.0.1 for as long as `body` runs.
func withServer(
    _ configuration: HTTPServerConfiguration = .local(),
    route: @escaping @Sendable (Request) -> Handling,
    body: (LiveServer) async throws -> Void
) async throws {
    let recorder = Recorder()
    var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    logger.logLevel = .critical
    let server = HTTPServer(
        configuration: configuration, handler: TestHandler(route: route), observer: recorder,
        logger: logger)
    let addresses = try await server.start()
    let result: Result<Void, any Error>
    do {
        try await body(LiveServer(server: server, addresses: addresses, recorder: recorder))
        result = .success(())
    } catch { result = .failure(error) }
    await server.shutdown(grace: .milliseconds(200))
    try result.get()
}

extension Response {
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, body: .bytes(ByteBuffer(string: text)))
    }
}

/// A file that exists as long as this object, and its open descriptor.
final class TemporaryFile: Sendable {
    let descriptor: CInt
    let path: String
    private let closed: Gate

    /// `closed` opens when the descriptor is closed.
    init(_ bytes: [UInt8], closed: Gate = Gate()) throws {
        var template = Array("/tmp/berth-http-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.closed = closed
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw RawClient.Failure(text: "write: \(errno)") }
            written += count
        }
    }

    deinit {
        _ = close(descriptor)
        unlink(path)
        closed.open()
    }

    func range(_ offset: Int64, _ length: Int64) -> Response.FileRange {
        Response.FileRange(owner: self, descriptor: descriptor, offset: offset, length: length)
    }
}

/// Bytes in which a piece that is missing, doubled or moved shows: a random block of a size that divides nothing.
func pattern(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes += patternBlock.prefix(count - bytes.count) }
    return bytes
}

private let patternBlock: [UInt8] = {
    var numbers = SeededNumbers(seed: 7)
    return numbers.bytes(65_521)
}()

/// Expects the same bytes. `#expect` alone would print all of them.
func expectSame(
    _ found: some Collection<UInt8>, _ expected: some Collection<UInt8>,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let isSame = ByteBuffer(bytes: found) == ByteBuffer(bytes: expected)
    #expect(isSame, "\(found.count) bytes for \(expected.count)", sourceLocation: sourceLocation)
}

/// Suites that talk to live servers: one test after another, because some of them need a server's whole attention.
@Suite(.serialized)
enum LiveTests {}
