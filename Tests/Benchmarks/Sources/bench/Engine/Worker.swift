import CLinux
import Glibc

/// Drives some connections with one thread: one queue, one buffer to receive into, no allocation per request.
/// Unchecked: a worker is used by one thread at a time, and handed over by the start and end of `Load.run`'s threads.
final class Worker: @unchecked Sendable {
    static let kinds = 2
    /// Failures after which going on makes no sense.
    private static let tooMany = 50

    let connections: [Connection]
    private let port: Int
    private let tls: TLSContext?
    private let queue: Int32
    private let inbox = Bytes(capacity: 256 << 10)
    /// Every how many answers the body is compared, where the client knows it; 0 is never.
    private let checksEvery: Int
    private var untilCheck: Int

    private(set) var tally = Tally()
    private var active = 0
    private var isStopping = false
    private var deadline: UInt64 = 0
    private var operationsLeft = Int.max

    /// What happened in one run.
    struct Tally {
        var histograms = [Histogram](repeating: Histogram(), count: Worker.kinds)
        var operations = 0
        /// Bytes of bodies received.
        var received = 0
        var failures = 0
        /// The first failures in words.
        var complaints: [String] = []
        /// When the last answer came.
        var ended: UInt64 = 0
    }

    init(connections: [Connection], port: Int, tls: TLSContext?, checksEvery: Int) throws {
        self.connections = connections
        (self.checksEvery, untilCheck) = (checksEvery, checksEvery)
        self.port = port
        self.tls = tls
        queue = epoll_create1(Int32(EPOLL_CLOEXEC))
        for connection in connections { try connect(connection) }
    }

    deinit {
        close(queue)
        inbox.free()
    }

    func disconnect() {
        for connection in connections { connection.disconnect() }
    }

    private func connect(_ connection: Connection) throws {
        try connection.connect(port: port, tls: tls)
        watch(connection, EPOLL_CTL_ADD, output: false)
    }

    private func watch(_ connection: Connection, _ operation: Int32, output: Bool) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (output ? EPOLLOUT.rawValue : 0)
        event.data.ptr = Unmanaged.passUnretained(connection).toOpaque()
        epoll_ctl(queue, operation, connection.socket, &event)
        connection.awaitsOutput = output
    }

    /// Runs until `deadline`, or until `operations` have been begun, and all answers have come. With `cut` it leaves at the
    /// deadline at once; the connections are then of no further use.
    func run(deadline: UInt64, operations: Int = .max, cut: Bool = false) {
        tally = Tally()
        self.deadline = deadline
        operationsLeft = operations
        isStopping = false
        active = 0
        for connection in connections {
            active += 1
            startOperation(connection, Clock.now())
        }
        loop(cut: cut)
        tally.ended = max(tally.ended, Clock.now())
    }

    private func loop(cut: Bool) {
        // Nothing takes this long: an answer that has not come by then will not come.
        let patience: UInt64 = 60_000_000_000
        var lastAnswer = Clock.now()
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 256) { events in
            while active > 0 {
                let count = Int(epoll_wait(queue, events.baseAddress, 256, 100))
                for index in 0..<max(0, count) { handle(events[index]) }
                let now = Clock.now()
                if now >= deadline {
                    isStopping = true
                    if cut { return }
                }
                if count > 0 {
                    lastAnswer = now
                } else if now > lastAnswer + patience {
                    giveUp()
                    return
                }
            }
        }
    }

    private func giveUp() {
        for connection in connections where !connection.isIdle {
            tally.failures += 1
            note("no answer within 60 s to \(connection.requestLine)")
        }
    }

    private func handle(_ event: epoll_event) {
        guard let pointer = event.data.ptr else { return }
        let connection = Unmanaged<Connection>.fromOpaque(pointer).takeUnretainedValue()
        if event.events & ~EPOLLOUT.rawValue != 0 {
            let (turn, bytes) = connection.receive(inbox)
            tally.received += bytes
            switch turn {
            case .waits: break
            case .broken: fail(connection, connection.isIdle ? "closed while idle" : "connection broke")
            case .whole: answered(connection)
            }
        }
        if event.events & EPOLLOUT.rawValue != 0, !connection.isIdle, !connection.isSent { send(connection) }
    }

    private func answered(_ connection: Connection) {
        if connection.isIdle || !connection.isSent { connection.complain("answered before all was sent") }
        if let complaint = connection.complaint {
            let body = connection.kept.count > 0 ? ": \(connection.kept.text.prefix(300))" : ""
            return fail(connection, complaint + body)
        }
        let isDone = connection.client.answered(connection)
        if let complaint = connection.complaint { return fail(connection, complaint) }
        guard isDone else { return startRequest(connection) }
        let now = Clock.now()
        tally.histograms[connection.client.kind].record(now - connection.began)
        tally.operations += 1
        if now >= deadline { isStopping = true }
        if connection.answer.closes { return reconnect(connection, now) }
        startOperation(connection, now)
    }

    private func startOperation(_ connection: Connection, _ now: UInt64) {
        guard !isStopping, operationsLeft > 0 else {
            connection.isIdle = true
            active -= 1
            tally.ended = now
            return
        }
        operationsLeft -= 1
        connection.isIdle = false
        connection.began = now
        startRequest(connection)
    }

    private func startRequest(_ connection: Connection) {
        connection.client.next(connection)
        if case .kept = connection.expected.body {
        } else {
            untilCheck -= 1
            if untilCheck != 0 { connection.expected.body = .ignored } else { untilCheck = checksEvery }
        }
        send(connection)
    }

    private func send(_ connection: Connection) {
        switch connection.send() {
        case .whole: if connection.awaitsOutput { watch(connection, EPOLL_CTL_MOD, output: false) }
        case .waits: if !connection.awaitsOutput { watch(connection, EPOLL_CTL_MOD, output: true) }
        case .broken: fail(connection, "connection broke while sending")
        }
    }

    private func note(_ complaint: String) {
        if tally.complaints.count < 5 { tally.complaints.append(complaint) }
    }

    /// Counts a failure and begins anew on a new connection.
    private func fail(_ connection: Connection, _ reason: String) {
        tally.failures += 1
        note("\(reason): \(connection.requestLine)")
        if tally.failures >= Self.tooMany { isStopping = true }
        let wasIdle = connection.isIdle
        connection.client.restart()
        connection.disconnect()
        do {
            try connect(connection)
        } catch {
            note("\(error)")
            connection.isIdle = true
            if !wasIdle { active -= 1 }
            return
        }
        if !wasIdle { startOperation(connection, Clock.now()) }
    }

    /// The server closes this connection as it said it would.
    private func reconnect(_ connection: Connection, _ now: UInt64) {
        connection.disconnect()
        do {
            try connect(connection)
            startOperation(connection, now)
        } catch {
            tally.failures += 1
            note("\(error)")
            connection.isIdle = true
            active -= 1
        }
    }
}
