import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// One TLS connection to 127.0.0.1 that goes on from request to request, with or without a certificate of the client's own.
package final class TLSConnection: Sendable {
    private let channel: any Channel
    private let collector: Collector

    /// Connects and waits for the handshake.
    ///
    /// - Parameters:
    ///   - authority: what the server's certificate is checked by, in PEM form; nil: by nothing.
    ///   - name: what the server is asked for, and has to be.
    package init(
        port: Int, authority: String? = nil, showing identity: TestIdentity? = nil, name: String? = "localhost"
    ) async throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = authority == nil ? .none : .fullVerification
        if let authority {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
        }
        if let identity {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificate.utf8))
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try NIOSSLPrivateKey(bytes: Array(identity.key.utf8), format: .pem))
        }
        let context = try NIOSSLContext(configuration: configuration)
        let collector = Collector()
        self.collector = collector
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(try NIOSSLClientHandler(context: context, serverHostname: name))
                    try pipeline.addHandler(CollectingHandler(collector))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    deinit { channel.close(promise: nil) }

    /// The common name, as its description tells it, of the certificate that the server has shown.
    package var serverCertificate: String { collector.state.withLock { $0.certificate } }

    /// Whether the server has ended the connection; waits for it.
    package func isClosedByPeer() async -> Bool {
        while await collector.more() {}
        return true
    }

    package func send(
        _ method: String, _ target: String, _ headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> Reply {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.0.lowercased() == "host" }) { head += "Host: localhost\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if body != nil || method == "POST" { head += "Content-Length: \(body?.count ?? 0)\r\n" }
        // Where the server has ended the connection, reading tells.
        try? await channel.writeAndFlush(ByteBuffer(bytes: Array((head + "\r\n").utf8) + (body ?? [])))
        let text = String(
            decoding: try await take { $0.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound }, as: UTF8.self)
        var lines = text.components(separatedBy: "\r\n").filter { !$0.isEmpty }
        let first = lines.removeFirst().split(separator: " ")
        guard first.count >= 2, let status = Int(first[1]) else { throw TestFailure("no status line: \(text)") }
        let fields = lines.map { line -> (String, String) in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (String(parts[0]), parts.count > 1 ? parts[1].trimmingSpaces() : "")
        }
        let length = fields.first { $0.0.lowercased() == "content-length" }.flatMap { Int($0.1) } ?? 0
        let bytes = method == "HEAD" ? [] : try await take { $0.count >= length ? length : nil }
        return Reply(status: status, headers: fields, body: bytes)
    }

    /// The first bytes, as many as `count` wants once it knows.
    private func take(_ count: ([UInt8]) -> Int?) async throws -> [UInt8] {
        while true {
            let taken = collector.state.withLock { state -> [UInt8]? in
                guard let count = count(state.bytes) else { return nil }
                defer { state.bytes.removeFirst(count) }
                return Array(state.bytes.prefix(count))
            }
            if let taken { return taken }
            guard await collector.more() else { throw TestFailure("the connection was closed") }
        }
    }
}

/// What has arrived, and a way to wait for more.
private final class Collector: Sendable {
    struct State {
        var bytes: [UInt8] = []
        var certificate = ""
    }
    let state = Mutex(State())
    private let news: AsyncStream<Void>
    private let tell: AsyncStream<Void>.Continuation

    init() { (news, tell) = AsyncStream.makeStream() }

    /// False once nothing can come any more.
    func more() async -> Bool {
        for await _ in news { return true }
        return false
    }

    func add(_ bytes: [UInt8], _ certificate: String?) {
        state.withLock { state in
            state.bytes += bytes
            if let certificate { state.certificate = certificate }
        }
        tell.yield()
    }

    func end() { tell.finish() }
}

private final class CollectingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let collector: Collector

    init(_ collector: Collector) { self.collector = collector }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        collector.add(Array(unwrapInboundIn(data).readableBytesView), handler?.peerCertificate.map { "\($0)" })
    }

    func channelInactive(context: ChannelHandlerContext) { collector.end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
