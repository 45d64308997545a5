import NIOCore

/// When the connection has to be looked at again: its `HTTPTimeouts` as instants.
struct Deadlines {
    /// Of the phase: handshake, idle, drain or linger.
    var phase: NIODeadline?
    /// Of the head that has begun to arrive.
    var head: NIODeadline?
    /// To see whether the client takes what it is sent.
    var write: NIODeadline?

    func next(_ pace: NIODeadline?) -> NIODeadline? {
        var next = phase
        for other in [head, write, pace] {
            if let other, other < next ?? .distantFuture { next = other }
        }
        return next
    }
}

// Time. One scheduled task a connection: it is moved forward when a deadline comes nearer, and otherwise left alone; when
// it fires too early, it is set again.
extension ConnectionHandler {
    /// How often sending is looked at: often enough to notice a file that has shrunk under sendfile.
    private var writeCheckInterval: TimeAmount {
        min(.seconds(5), .nanoseconds(TimeAmount(server.timeouts.stalledWrite).nanoseconds / 4))
    }

    func adjustTimers() {
        if phase == .open, parser.isInsideHead {
            if deadlines.head == nil { deadlines.head = .now() + TimeAmount(server.timeouts.header) }
        }
        if isSending {
            if progress == nil {
                let now = NIODeadline.now()
                progress = WriteProgress(timeout: TimeAmount(server.timeouts.stalledWrite), now: now)
                deadlines.write = now + writeCheckInterval
            }
        } else if progress != nil {
            progress = nil
            deadlines.write = nil
        }
        schedule()
    }

    /// Whether the client has to take something before this connection can go on.
    private var isSending: Bool {
        switch phase {
        case .exchange: plan != nil || streamTask != nil || !isWritable
        case .draining, .open: !isWritable
        // Nothing but the client's reading ends this, so every byte counts.
        case .lingering: waitingOutput > 0
        case .handshaking, .closed: false
        }
    }

    private func schedule() {
        guard phase != .closed, let next = deadlines.next(pace?.deadline), let context else { return }
        if let scheduled {
            if scheduled.at <= next { return }
            scheduled.task.cancel()
        }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: next) { self.timerFired() }
        scheduled = (task, next)
    }

    private func timerFired() {
        scheduled = nil
        guard phase != .closed else { return }
        let now = NIODeadline.now()
        turn {
            if let deadline = deadlines.head, now >= deadline { headIsLate() }
            if let deadline = pace?.deadline, now >= deadline, pace?.isStalled(now) == true {
                bodyStalled()
            }
            if let deadline = deadlines.write, now >= deadline { checkSending(now) }
            if let deadline = deadlines.phase, now >= deadline { phaseIsOver(now) }
        }
    }

    private func headIsLate() {
        deadlines.head = nil
        if phase == .open { refuse(.headStalled) }
    }

    private func bodyStalled() {
        exchange?.source?.fail(.stalled)
        bodyBroke(.bodyStalled)
    }

    private func checkSending(_ now: NIODeadline) {
        deadlines.write = now + writeCheckInterval
        let isStalled = progress?.isStalled(handed: handed, waiting: waitingOutput, now: now)
        if isStalled == true { return abort("client does not read") }
        if let file, !isTLS, piecesInFlight > 0, !file.reaches(fileEnd) { abort("file has shrunk") }
    }

    private func phaseIsOver(_ now: NIODeadline) {
        deadlines.phase = nil
        switch phase {
        case .handshaking: close()
        case .open: finish()
        case .draining: linger()
        case .lingering:
            // Output still leaves: the check of progress decides.
            if waitingOutput > 0 {
                deadlines.phase = now + TimeAmount(server.timeouts.drain)
            } else {
                close()
            }
        case .exchange, .closed: break
        }
    }

    /// Bytes that the kernel did not accept yet.
    var waitingOutput: Int {
        guard let options = context?.channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0
    }
}
