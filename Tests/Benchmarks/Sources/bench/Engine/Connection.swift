import COpenSSL
import Glibc

/// A connection with the request that it sends and the answer that it receives. One thread uses it.
final class Connection {
    let client: any Client
    let number: Int
    var socket: Int32 = -1
    var tls: OpaquePointer?
    /// Whether the queue is told when the socket takes more.
    var awaitsOutput = false
    var isIdle = true
    /// When the present operation began.
    var began: UInt64 = 0

    // The request: `out` (the head, and small bodies), then `repeatedLeft` bytes that begin anew at the start of
    // `repeated` whenever its `repeatedCount` bytes are through, then `tail`.
    var out = Bytes(capacity: 32 << 10)
    var outSent = 0
    var repeated = Pattern.base
    var repeatedCount = 1
    var repeatedAt = 0
    var repeatedLeft = 0
    var tail = Bytes(capacity: 128)
    var tailSent = 0
    var expected = Expectation()

    // The answer.
    var answer = AnswerHead()
    var phase = Phase.head
    /// A head that came in parts.
    var partialHead = Bytes(capacity: 512)
    var location = Bytes(capacity: 512)
    var link = Bytes(capacity: 512)
    var kept = Bytes(capacity: 512)
    /// Bytes of the body so far.
    var bodyReceived = 0
    var chunks = ChunkReader()
    /// Why the answer is not what was expected; the first reason counts.
    var complaint: String?

    enum Phase { case head, body, chunks, done }

    init(client: any Client, number: Int) {
        self.client = client
        self.number = number
    }

    deinit {
        disconnect()
        for buffer in [out, tail, partialHead, location, link, kept] { buffer.free() }
    }

    /// Begins a request: everything of the last one but `location`, `link` and `kept` is forgotten.
    func begin(_ expectation: Expectation) {
        out.count = 0
        outSent = 0
        repeatedAt = 0
        repeatedLeft = 0
        tail.count = 0
        tailSent = 0
        expected = expectation
        answer = AnswerHead()
        phase = .head
        partialHead.count = 0
        bodyReceived = 0
        complaint = nil
    }

    func complain(_ reason: @autoclosure () -> String) {
        if complaint == nil { complaint = reason() }
    }

    /// The request's first line, for messages.
    var requestLine: String {
        String(out.text.prefix { $0 != "\r" && $0 != "\r\n" })
    }

    /// Connects to a port of 127.0.0.1, blocking, and through the TLS handshake where there is a context.
    func connect(port: Int, tls context: TLSContext?) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw BenchError("socket: \(String(cString: strerror(errno)))") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw BenchError("connect to \(port): \(String(cString: strerror(errno)))") }
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        if let context { tls = try context.handshake(socket) }
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
    }

    func disconnect() {
        if let tls { SSL_free(tls) }
        tls = nil
        if socket >= 0 { close(socket) }
        socket = -1
        awaitsOutput = false
    }
}
