import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// SO_LINGER with no time: closing sends a reset.
private let withoutLingering = linger(l_onoff: 1, l_linger: 0)

// Bodies that leave piece by piece: files and streams.
extension ConnectionHandler {
    /// A file range handed to sendfile at once.
    private static let regionBytes = 8 << 20
    /// A file range read into memory at once, for TLS.
    private static let readBytes = 256 << 10
    private static let mostPieces = 2

    func send(_ plan: OutputPlan) {
        self.plan = plan
        pump()
    }

    /// Sends further pieces while fewer than two are on their way.
    private func pump() {
        while piecesInFlight < Self.mostPieces, !isReadingFile, let limit = pieceLimit,
            let piece = plan?.next(upTo: limit)
        {
            switch piece {
            case .bytes(let bytes):
                exchange?.bytesOut += Int64(bytes.readableBytes)
                write(bytes, promise: piecePromise())
            case .file(let descriptor, let offset, let length):
                send(descriptor, offset, length)
            }
        }
        guard plan?.isFinished == true, piecesInFlight == 0, !isReadingFile else { return }
        plan = nil
        file = nil
        answered()
    }

    private var pieceLimit: Int? {
        guard phase == .exchange, plan != nil else { return nil }
        return isTLS ? Self.readBytes : Self.regionBytes
    }

    private func piecePromise() -> EventLoopPromise<Void>? {
        guard let context else { return nil }
        piecesInFlight += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        // The file stays open until the last piece of it has left.
        let file = file
        promise.futureResult.assumeIsolated().whenComplete { result in
            withExtendedLifetime(file) { self.pieceLeft(result) }
        }
        return promise
    }

    private func pieceLeft(_ result: Result<Void, any Error>) {
        guard plan != nil else { return }
        piecesInFlight -= 1
        switch result {
        case .success: turn { pump() }
        case .failure: close()
        }
    }

    private func send(_ descriptor: CInt, _ offset: Int64, _ length: Int) {
        let shared: SharedFile
        if let file, file.descriptor == descriptor {
            shared = file
        } else {
            shared = SharedFile(descriptor: descriptor, owners: plan?.owners ?? [])
            file = shared
        }
        fileEnd = offset + Int64(length)
        if isTLS {
            guard let cached = cached(shared, offset, length) else { return read(shared, offset, length) }
            exchange?.bytesOut += Int64(length)
            return write(cached, promise: piecePromise())
        }
        guard shared.reaches(fileEnd) else { return abort("file is too short") }
        guard let context else { return }
        exchange?.bytesOut += Int64(length)
        handed += Int64(length)
        context.write(
            wrapOutboundOut(.fileRegion(shared.region(offset: offset, length: length))),
            promise: piecePromise())
        needsFlush = true
    }

    /// A piece that is in memory already: copying it costs the loop less than waking another thread, and a fraction of
    /// what encrypting it does.
    private func cached(_ file: SharedFile, _ offset: Int64, _ length: Int) -> ByteBuffer? {
        var bytes = ByteBufferAllocator().buffer(capacity: length)
        return SharedFile.readCached(file.descriptor, offset, length, into: &bytes) ? bytes : nil
    }

    /// Reads off the event loop. One read at a time keeps the order; the next one begins while this piece is written.
    private func read(_ file: SharedFile, _ offset: Int64, _ length: Int) {
        guard let context else { return }
        isReadingFile = true
        let number = number
        server.threads.runIfActive(eventLoop: context.eventLoop) {
            try file.read(offset: offset, length: length)
        }
        .assumeIsolated().whenComplete { result in
            self.isReadingFile = false
            guard self.plan != nil, self.number == number else { return }
            switch result {
            case .success(let bytes):
                self.turn {
                    self.exchange?.bytesOut += Int64(bytes.readableBytes)
                    self.write(bytes, promise: self.piecePromise())
                    self.pump()
                }
            case .failure(let error): self.abort("\(error)")
            }
        }
    }

    // MARK: Streams

    func stream(_ buffers: any AsyncSequence<ByteBuffer, any Error> & Sendable, length: Int64?) {
        guard let eventLoop = context?.eventLoop else { return }
        let connection = NIOLoopBound(self, eventLoop: eventLoop)
        let number = number
        streamMissing = length
        loop.start { key in
            streamTask = key
            return Task {
                let isWhole = await Self.pass(buffers) { bytes in
                    try await eventLoop.flatSubmit {
                        connection.value.writeStream(bytes, number, on: eventLoop)
                    }.get()
                }
                eventLoop.execute {
                    connection.value.loop.ended(task: key)
                    connection.value.streamEnded(isWhole: isWhole, number)
                }
            }
        }
    }

    /// True if every buffer was passed on.
    private static func pass(
        _ buffers: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        to write: @Sendable (ByteBuffer) async throws -> Void
    ) async -> Bool {
        do {
            for try await buffer in buffers where buffer.readableBytes > 0 { try await write(buffer) }
            return true
        } catch {
            // Where it began is where it is logged; here the connection breaks off.
            return false
        }
    }

    /// Succeeds when the kernel has accepted the bytes: that is the back-pressure.
    private func writeStream(
        _ bytes: ByteBuffer, _ number: UInt64, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Void> {
        guard let context, phase == .exchange, exchange?.number == number else {
            return eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        if let missing = streamMissing {
            guard Int64(bytes.readableBytes) <= missing else {
                return context.eventLoop.makeFailedFuture(ChannelError.writeMessageTooLarge)
            }
            streamMissing = missing - Int64(bytes.readableBytes)
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        turn {
            exchange?.bytesOut += Int64(bytes.readableBytes)
            if exchange?.answer?.framing == .chunked {
                var size = ByteBuffer(string: String(bytes.readableBytes, radix: 16))
                size.writeStaticString("\r\n")
                write(size)
                write(bytes)
                write(ByteBuffer(staticString: "\r\n"), promise: promise)
            } else {
                write(bytes, promise: promise)
            }
        }
        return promise.futureResult
    }

    private func streamEnded(isWhole: Bool, _ number: UInt64) {
        guard phase == .exchange, exchange?.number == number else { return }
        streamTask = nil
        guard isWhole, streamMissing ?? 0 == 0 else { return abort("stream failed") }
        turn {
            if exchange?.answer?.framing == .chunked { write(ByteBuffer(staticString: "0\r\n\r\n")) }
            answered()
        }
    }

    // MARK: Ending

    /// Lets go of what was being sent.
    func stopOutput() {
        plan = nil
        file = nil
        piecesInFlight = 0
        if let streamTask { loop.cancel(task: streamTask) }
        streamTask = nil
    }

    /// A reset instead of an orderly end.
    func resetOnClose(_ channel: any Channel) {
        guard let options = channel as? any SocketOptionProvider else { return }
        _ = options.setSoLinger(withoutLingering)
    }
}
