package import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Serves HTTP/1.1 on several addresses. Starts once and is shut down once; see the README for what it promises.
package final class HTTPServer: Sendable {
    private enum Phase {
        case new
        case running([any Channel], [UnixSocketFile])
        case stopped
    }

    private let configuration: HTTPServerConfiguration
    private let context: ServerContext
    private let group: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: NIOLoopBoundBox<LoopContext>]
    private let quota: ConnectionQuota
    private let phase = Mutex(Phase.new)
    /// Nothing runs any more.
    private let isOver = Atomic(false)

    package init(
        configuration: HTTPServerConfiguration, handler: any RequestHandler,
        observer: any RequestObserver,
        logger: Logger
    ) {
        self.configuration = configuration
        let context = ServerContext(
            limits: configuration.limits, timeouts: configuration.timeouts, handler: handler,
            observer: observer,
            logger: logger,
            clients: ClientAddress(
                trustedProxies: configuration.trustedProxies, trustsUnixSockets: configuration.trustsUnixSockets),
            memory: BodyMemory(limit: configuration.bodyMemory), threads: .singleton)
        self.context = context
        self.quota = ConnectionQuota(configuration.limits)
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: configuration.eventLoops ?? System.coreCount)
        self.group = group
        var loops: [ObjectIdentifier: NIOLoopBoundBox<LoopContext>] = [:]
        for eventLoop in group.makeIterator() {
            loops[ObjectIdentifier(eventLoop)] = .makeBoxSendingValue(
                LoopContext(server: context, eventLoop: eventLoop), eventLoop: eventLoop)
        }
        self.loops = loops
    }

    /// Bytes of request bodies that wait for the handler at this moment.
    package var waitingBodyBytes: Int { context.memory.bytes }

    /// Listens on all addresses or, if one of them fails, on none. Answers them in the order of the configuration.
    package func start() async throws(ListenError) -> [BoundAddress] {
        guard phase.withLock({ if case .new = $0 { true } else { false } }) else {
            throw .alreadyStarted
        }
        _ = try configuration.tls?.load()
        var channels: [any Channel] = []
        var sockets: [UnixSocketFile] = []
        var bound: [BoundAddress] = []
        do {
            for address in configuration.listeners {
                let channel = try await listen(address)
                channels.append(channel)
                switch address {
                case .tcp(let host, let port):
                    let local = channel.localAddress
                    bound.append(.tcp(address: local?.ipAddress ?? host, port: local?.port ?? port))
                case .unix(let path, let mode):
                    let file = UnixSocketFile(path: path, mode: mode)
                    sockets.append(file)
                    bound.append(.unix(path: path))
                    try file.setMode()
                }
            }
        } catch {
            await Self.close(channels, sockets)
            throw error
        }
        phase.withLock { $0 = .running(channels, sockets) }
        return bound
    }

    /// Reads certificates and keys again for new connections, and the authorities of clients. If that fails, the old ones
    /// stay. Where an authority is gone, connections on which a client has shown a certificate end, with their answer.
    /// Called by one task at a time.
    package func reloadCertificates() throws(ListenError) {
        guard let certificates = configuration.tls, try certificates.load() else { return }
        for loop in loops.values { loop.eventLoop.execute { loop.value.endDistrusted() } }
    }

    /// The same if the files are others than at the last attempt, and have not changed since the last call. False where
    /// nothing was to be done.
    package func reloadChangedCertificates() throws(ListenError) -> Bool {
        guard configuration.tls?.haveChanged == true else { return false }
        try reloadCertificates()
        return true
    }

    /// Stops listening, ends idle connections, lets running requests finish for at most `grace`, then ends all.
    /// Returns when every connection and every handler's task has ended. A second call waits for nothing.
    package func shutdown(grace: Duration) async {
        let listening = phase.withLock { phase -> ([any Channel], [UnixSocketFile])? in
            defer { phase = .stopped }
            switch phase {
            case .new: return ([], [])
            case .running(let channels, let sockets): return (channels, sockets)
            case .stopped: return nil
            }
        }
        guard let (channels, sockets) = listening else { return }
        await Self.close(channels, sockets)
        let drained = loops.values.map { loop in
            let promise = loop.eventLoop.makePromise(of: Void.self)
            loop.eventLoop.execute { loop.value.drain(promise) }
            return promise.futureResult
        }
        let deadlines = loops.values.map { loop in
            loop.eventLoop.scheduleTask(in: TimeAmount(grace)) { loop.value.endAll() }
        }
        for future in drained { _ = try? await future.get() }
        for deadline in deadlines { deadline.cancel() }
        isOver.store(true, ordering: .relaxed)
        do { try await group.shutdownGracefully() } catch {
            context.logger.warning("event loops did not stop", metadata: ["error": "\(error)"])
        }
    }

    /// Ends at once what a `shutdown` still waits for: a second signal to stop.
    package func endAll() {
        guard phase.withLock({ if case .stopped = $0 { true } else { false } }),
            !isOver.load(ordering: .relaxed)
        else {
            return
        }
        for loop in loops.values { loop.eventLoop.execute { loop.value.endAll() } }
    }

    private static func close(_ channels: [any Channel], _ sockets: [UnixSocketFile]) async {
        // A listener that is closed already is what was wanted.
        for channel in channels { _ = try? await channel.close().get() }
        for socket in sockets { socket.remove() }
    }

    // MARK: Listening

    private func listen(_ address: ListenAddress) async throws(ListenError) -> any Channel {
        if case .unix(let path, let mode) = address {
            try UnixSocketFile(path: path, mode: mode).makeRoom()
        }
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: CInt(clamping: configuration.limits.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // A body that is told to wait has this many reads more at most.
            .childChannelOption(.maxMessagesPerRead, value: 2)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel, of: address) }
            }
        if configuration.sharesPort(address) {
            let only = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
            bootstrap = bootstrap.serverChannelOption(only, value: 1)
        }
        do {
            switch address {
            case .tcp(let host, let port): return try await bootstrap.bind(host: host, port: port).get()
            case .unix(let path, _): return try await bootstrap.bind(unixDomainSocketPath: path).get()
            }
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw .addressInUse(address)
        } catch {
            throw .failed(address, reason: Reasons.listening(error, address))
        }
    }

    /// On the new connection's event loop, before it is active.
    private func prepare(_ channel: any Channel, of listener: ListenAddress) throws {
        guard let loop = loops[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.ioOnClosedChannel
        }
        let pipeline = channel.pipeline.syncOperations
        var tls: ConnectionHandler.TLS?
        var address: IPAddress?
        var peer = Peer(address: "unix", isUnixSocket: true)
        if case .tcp = listener {
            if let certificates = configuration.tls {
                guard let terms = certificates.terms else { throw ChannelError.ioOnClosedChannel }
                tls = ConnectionHandler.TLS(certificates: certificates, terms: terms)
            }
            address = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }
            peer = Peer(address: address?.description ?? "", isSecure: tls != nil)
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
        } else if let user = PeerCredentials.user(of: channel) {
            peer = Peer(address: "unix", isUnixSocket: true, user: user)
        }
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls.terms.context)) }
        let remote = address
        let admission: ConnectionHandler.Admission = quota.enter(address) ? .admitted : .overLimit
        let connection = ConnectionHandler(
            loop: loop, peer: peer, address: address, tls: tls, admission: admission)
        channel.closeFuture.whenComplete { [quota] _ in quota.leave(remote) }
        let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        try channel.syncOptions?.setOption(.recvAllocator, value: ReadSizes(memory: context.memory, for: bound))
        try pipeline.addHandler(connection)
    }
}
