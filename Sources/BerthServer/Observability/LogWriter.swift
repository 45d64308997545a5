import Dispatch
import Glibc
import Logging
import NIOPosix
import Synchronization

/// Writes whole lines to a descriptor. Callers never wait: lines pass through a bounded queue to one thread, so that a
/// terminal or pipe that nobody reads can't hold up an event loop. Lines that find no room are dropped and counted, and
/// a line says so.
package final class LogWriter: Sendable {
    let format: any LineFormat
    private let descriptor: CInt
    private let queue: Mutex<LogQueue>
    /// One thread, of its own: it may be held up for as long as the descriptor is.
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let hurry = DispatchSemaphore(value: 0)
    /// Lines that the descriptor did not take.
    private let unwritten = Atomic(0)

    /// - Parameters:
    ///   - descriptor: stays the caller's, and open as long as the writer is used.
    ///   - room: bytes that waiting access lines may hold; other lines as much again.
    init(_ format: any LineFormat, to descriptor: CInt, room: Int = 1 << 20) {
        self.format = format
        self.descriptor = descriptor
        self.queue = Mutex(LogQueue(room: room))
        thread.start()
    }

    deinit { thread.shutdownGracefully { _ in } }

    package convenience init(_ format: LogFormat, to descriptor: CInt = STDERR_FILENO) {
        self.init(format.lines(for: descriptor), to: descriptor)
    }

    /// Lines dropped or not written since the beginning.
    package var lost: Int {
        queue.withLock { $0.dropped } + unwritten.load(ordering: .relaxed)
    }

    /// Written at once.
    func write(_ record: LogRecord) {
        var line: [UInt8] = []
        format.append(record, to: &line)
        add(.line(line), cost: line.count, .prompt)
    }

    /// Made and written within some 50 ms, together with others.
    /// - Parameter cost: about how many bytes `record` keeps in memory.
    func writeSoon(cost: Int, _ record: @escaping @Sendable () -> LogRecord) {
        add(.record(record), cost: cost, .routine)
    }

    /// Waits until all lines so far are written, but no longer than `patience`: somebody has stopped reading then.
    /// Blocks; for the end of the process, not for event loops. Returns false if it gave up.
    @discardableResult
    package func flush(patience: Duration = .seconds(1)) -> Bool {
        let isDone = DispatchSemaphore(value: 0)
        thread.submit { _ in
            self.drain()
            isDone.signal()
        }
        let nanoseconds = min(max(0, patience / .nanoseconds(1)), 1e15)
        return isDone.wait(timeout: .now() + .nanoseconds(Int(nanoseconds))) == .success
    }

    private func add(_ content: LogQueue.Content, cost: Int, _ urgency: LogQueue.Urgency) {
        switch queue.withLock({ $0.add(content, cost: cost, urgency) }) {
        case .none: break
        case .soon:
            thread.submit { _ in
                _ = self.hurry.wait(timeout: .now() + .milliseconds(50))
                self.drain()
            }
        case .now: thread.submit { _ in self.drain() }
        case .hurry: hurry.signal()
        }
    }

    /// On `thread` alone, which keeps lines in order and whole.
    private func drain() {
        let (contents, dropped) = queue.withLock { $0.take() }
        var lines: [UInt8] = []
        for content in contents {
            switch content {
            case .line(let line): lines.append(contentsOf: line)
            case .record(let record): format.append(record(), to: &lines)
            }
            if lines.count >= Self.batchBytes {
                send(lines)
                lines.removeAll(keepingCapacity: true)
            }
        }
        if dropped > 0 { format.append(Self.report(dropped), to: &lines) }
        send(lines)
    }

    /// Bytes after which lines are handed to the kernel, in one call.
    private static let batchBytes = 64 << 10

    private static func report(_ dropped: Int) -> LogRecord {
        LogRecord(
            time: .now(), level: .warning, label: "berth.log",
            message: "log lines dropped: written too slowly",
            fields: [.init(LogKey.lines, .integer(Int64(dropped)))])
    }

    private func send(_ lines: [UInt8]) {
        var rest = lines[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody who shares the descriptor made it non-blocking.
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
            } else if errno != EINTR {
                // There is nobody left to tell; the metrics count it.
                unwritten.add(rest.count { $0 == UInt8(ascii: "\n") }, ordering: .relaxed)
                return
            }
        }
    }
}
