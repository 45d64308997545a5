import BerthHTTP
import Foundation
import HTTPTypes
import Logging
import NIOCore
import Synchronization

/// An issuer of identity tokens: HTTPS on a free port of 127.0.0.1, with an authority of its own.
package final class TestIssuer: Sendable {
    package enum Behaviour: Sendable {
        case good
        /// Sends on to a place where good answers are.
        case redirects
        /// Answers nothing.
        case hangs
        /// Answers a byte now and then.
        case drips
        /// 1 MiB, with its length or without.
        case huge(saysLength: Bool)
        case status(Int)
        case text(String)
        /// Calls itself by another name.
        case foreign
        /// Says that its keys are there.
        case keysAt(String)
    }
    private struct State {
        var behaviour = Behaviour.good
        var keys: [IssuerKey] = []
        var asked: [String] = []
        var url = ""
    }
    private let state = Mutex(State())
    /// PEM of the authority that vouches for it.
    package let authority: String

    fileprivate init(authority: String) { self.authority = authority }

    package var url: String { state.withLock { $0.url } }
    /// Paths asked for so far, in order.
    package var asked: [String] { state.withLock { $0.asked } }
    package func publish(_ keys: [IssuerKey]) { state.withLock { $0.keys = keys } }
    package func behave(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }
    fileprivate func listens(on port: Int) { state.withLock { $0.url = "https://127.0.0.1:\(port)" } }

    package func port() throws -> Int {
        guard let port = url.split(separator: ":").last.flatMap({ Int($0) }) else { throw TestFailure("no port") }
        return port
    }

    fileprivate func answer(_ path: String) -> Handling {
        let (behaviour, keys, url) = state.withLock { state in
            state.asked.append(path)
            return (state.behaviour, state.keys, state.url)
        }
        let isElsewhere = path.hasPrefix("/elsewhere")
        var name = url
        var place = "\(url)/keys"
        switch behaviour {
        case .good: break
        case .redirects where isElsewhere: break
        case .redirects:
            let location = "\(url)/elsewhere\(path)"
            return .answer(Response(status: .found, headers: [.location: location]))
        case .hangs:
            return .task {
                // Ends when the server does.
                for await _ in AsyncStream<Void>.makeStream().stream {}
                return Response(status: .ok)
            }
        case .drips: return .answer(Response(status: .ok, body: .stream(length: nil, Drip())))
        case .huge(let saysLength):
            let bytes = ByteBuffer(repeating: UInt8(ascii: " "), count: 1 << 20)
            return .answer(
                Response(status: .ok, body: saysLength ? .bytes(bytes) : .stream(length: nil, Once(bytes: bytes))))
        case .status(let code): return .answer(Response(status: .init(code: code)))
        case .text(let text): return .answer(Response(status: .ok, body: .bytes(ByteBuffer(string: text))))
        case .foreign: name = "https://issuer.example"
        case .keysAt(let address): place = address
        }
        if path.hasSuffix("/keys") {
            guard let set = try? IssuerKey.set(keys) else { return .answer(Response(status: .internalServerError)) }
            return .answer(Response(status: .ok, body: .bytes(ByteBuffer(string: set))))
        }
        let about = #"{"issuer":"\#(name)","jwks_uri":"\#(place)"}"#
        return .answer(Response(status: .ok, body: .bytes(ByteBuffer(string: about))))
    }
}

/// Runs `body` with an issuer that publishes no key yet.
package func withIssuer<Result>(_ body: (TestIssuer) async throws -> Result) async throws -> Result {
    try await withTemporaryFolder { folder in
        let authority = try TestAuthority("authority of a test")
        let identity = try authority.issue(["ip:127.0.0.1", "dns:issuer.test"])
        let (certificate, key) = ("\(folder)/leaf.pem", "\(folder)/leaf.key")
        try identity.certificate.write(toFile: certificate, atomically: false, encoding: .utf8)
        try identity.key.write(toFile: key, atomically: false, encoding: .utf8)
        let issuer = TestIssuer(authority: authority.pem)
        var configuration = HTTPServerConfiguration(
            listeners: [.tcp(host: "127.0.0.1", port: 0)],
            tls: Certificates(TLSConfiguration([.init(certificateFile: certificate, keyFile: key)])))
        configuration.eventLoops = 1
        let server = HTTPServer(
            configuration: configuration, handler: Handler(issuer: issuer), observer: Nobody(),
            logger: Logger(label: "issuer") { _ in SwiftLogNoOpLogHandler() })
        guard let port = try await server.start().compactMap(\.port).first else { throw TestFailure("no port") }
        issuer.listens(on: port)
        do {
            let result = try await body(issuer)
            await server.shutdown(grace: .zero)
            return result
        } catch {
            await server.shutdown(grace: .zero)
            throw error
        }
    }
}

private struct Handler: RequestHandler {
    let issuer: TestIssuer

    func handle(_ request: Request) -> Handling { issuer.answer(request.path) }
    func refuse(_ problem: HTTPProblem, requestID: String) -> Response { Response(status: .badRequest) }
}

private struct Nobody: RequestObserver {
    func finished(_ record: RequestRecord) {}
    func connections(delta: Int) {}
}

private struct Once: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let bytes: ByteBuffer

    struct AsyncIterator: AsyncIteratorProtocol {
        var rest: ByteBuffer?
        mutating func next() async throws -> ByteBuffer? {
            defer { rest = nil }
            return rest
        }
    }
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: bytes) }
}

private struct Drip: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    struct AsyncIterator: AsyncIteratorProtocol {
        func next() async throws -> ByteBuffer? {
            try await Task.sleep(for: .milliseconds(20))
            return ByteBuffer(string: " ")
        }
    }
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}
