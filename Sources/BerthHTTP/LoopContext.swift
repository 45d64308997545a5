import Logging
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What all connections share, from all event loops.
struct ServerContext: Sendable {
    let limits: HTTPLimits
    let timeouts: HTTPTimeouts
    let handler: any RequestHandler
    let observer: any RequestObserver
    let logger: Logger
    let clients: ClientAddress
    let memory: BodyMemory
    /// Where files are read that can't leave by sendfile.
    let threads: NIOThreadPool
}

/// What the connections of one event loop share; used on that loop alone.
final class LoopContext {
    let server: ServerContext
    /// Runs the tasks of this loop's requests on the loop itself.
    let executor: LoopExecutor
    private(set) var isDraining = false
    /// Connections whose input is lent. Each has a descriptor more, and more of them than threads gain nothing.
    var lent = 0
    static let mostLent = 128
    private var connections: [ObjectIdentifier: ConnectionHandler] = [:]
    private var tasks: [UInt64: Task<Void, Never>] = [:]
    private var lastTask: UInt64 = 0
    private var ids = RequestIDSource()
    private var commonFields = ByteBuffer()
    private var commonSecond: Int64 = -1
    private var emptied: [EventLoopPromise<Void>] = []

    init(server: ServerContext, eventLoop: any EventLoop) {
        self.server = server
        self.executor = LoopExecutor(eventLoop)
    }

    func nextRequestID() -> String { ids.next() }

    /// Head fields of every answer, see `ResponseHead.common`. Made once a second.
    func common() -> ByteBuffer {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let second = Int64(now.tv_sec)
        if second != commonSecond {
            commonSecond = second
            commonFields = ResponseHead.common(date: HTTPDate.text(second))
        }
        return commonFields
    }

    // MARK: Who is here

    func add(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = connection
    }

    func remove(_ connection: ConnectionHandler) {
        connections[ObjectIdentifier(connection)] = nil
        checkEmpty()
    }

    /// Remembers a running task until `ended` is called with the key it was started with.
    func start(_ body: (UInt64) -> Task<Void, Never>) {
        lastTask &+= 1
        tasks[lastTask] = body(lastTask)
    }

    func ended(task: UInt64) {
        tasks[task] = nil
        checkEmpty()
    }

    func cancel(task: UInt64) { tasks[task]?.cancel() }

    // MARK: Stopping

    /// Idle connections end now, the others after their answer. `promise` succeeds when nothing is left.
    func drain(_ promise: EventLoopPromise<Void>) {
        isDraining = true
        emptied.append(promise)
        for connection in Array(connections.values) { connection.drain() }
        checkEmpty()
    }

    /// Connections end whose client's certificate is not to be believed any more: idle ones now, the others after their
    /// answer.
    func endDistrusted() {
        for connection in Array(connections.values) where connection.isDistrusted { connection.drain() }
    }

    /// Ends what `drain` has left.
    func endAll() {
        for task in tasks.values { task.cancel() }
        for connection in Array(connections.values) { connection.abort("stopped") }
    }

    private func checkEmpty() {
        guard isDraining, connections.isEmpty, tasks.isEmpty else { return }
        let promises = emptied
        emptied = []
        for promise in promises { promise.succeed() }
    }
}
