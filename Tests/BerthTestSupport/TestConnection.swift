import Dispatch
import Foundation
import Glibc

/// One connection to a server under test, blocking, on a thread of its own: the pool that the server's tasks run on is
/// never held up by a test that waits.
package final class TestConnection: @unchecked Sendable {
    // Used by one request at a time, on `queue`.
    /// -1 once it is closed.
    private var descriptor: CInt
    private let queue = DispatchQueue(label: "test connection")
    private var received: [UInt8] = []

    /// Connects to 127.0.0.1. Reading gives up after `patience` seconds, so that no test hangs.
    package init(port: Int, patience: Int = 60) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw TestFailure("no socket: errno \(errno)") }
        var time = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            throw TestFailure("no connection to port \(port): errno \(errno)")
        }
    }

    /// Connects to a Unix socket.
    package init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw TestFailure("no socket: errno \(errno)") }
        var time = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            close(descriptor)
            throw TestFailure("the path is too long: \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            throw TestFailure("no connection to \(path): errno \(errno)")
        }
    }

    deinit { closeNow() }

    /// Sends bytes as they are.
    package func write(_ bytes: some Collection<UInt8> & Sendable) async throws {
        try await onQueue { try $0.writeNow(Array(bytes)) }
    }

    /// Reads one answer. `isHead`: none has a body.
    package func readReply(isHead: Bool = false) async throws -> Reply {
        try await onQueue { try $0.readReplyNow(isHead: isHead) }
    }

    /// Reads the next answer, be it only an interim one as `100 Continue`.
    package func readNextReply() async throws -> Reply {
        try await onQueue { try $0.readOneReply(isHead: false) }
    }

    /// Sends a request and reads its answer.
    package func send(
        _ method: String, _ target: String, _ headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> Reply {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.0.lowercased() == "host" }) { head += "Host: localhost\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        let hasLength = headers.contains { ["content-length", "transfer-encoding"].contains($0.0.lowercased()) }
        if !hasLength, body != nil || ["POST", "PUT", "PATCH"].contains(method) {
            head += "Content-Length: \(body?.count ?? 0)\r\n"
        }
        let bytes = Array((head + "\r\n").utf8) + (body ?? [])
        return try await onQueue { connection in
            // A server may refuse and close before it has read everything: its answer counts, not the broken pipe.
            let sent = Result { try connection.writeNow(bytes) }
            do { return try connection.readReplyNow(isHead: method == "HEAD") } catch {
                try sent.get()
                throw error
            }
        }
    }

    /// Up to `count` bytes as they come, and none beyond them; fewer at the end, or where patience is over.
    package func read(_ count: Int) async throws -> [UInt8] {
        try await onQueue { connection in
            while connection.received.count < count, connection.receive(count - connection.received.count) > 0 {}
            let bytes = Array(connection.received.prefix(count))
            connection.received.removeFirst(bytes.count)
            return bytes
        }
    }

    /// Whether the server has closed its side, in good order or not; waits for it. False where something else comes, or
    /// nothing as long as patience lasts.
    package func isClosedByPeer() async throws -> Bool {
        try await onQueue { connection in
            guard connection.received.isEmpty else { return false }
            errno = 0
            return connection.receive() == 0 && [0, ECONNRESET].contains(errno)
        }
    }

    /// Ends the connection with a reset, as a client that is killed does.
    package func abort() async {
        try? await onQueue { connection in
            // Only close() looks at this: shutdown() would end in good order.
            var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                connection.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
            connection.closeNow()
        }
    }

    private func closeNow() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
    }

    private func onQueue<Result: Sendable>(
        _ work: @escaping @Sendable (TestConnection) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try work(self) }) }
        }
    }

    private func writeNow(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw TestFailure("sending broke off after \(sent) bytes: errno \(errno)") }
            sent += count
        }
    }

    /// Bytes received and put behind the others; 0 at the end or after an error.
    private func receive(_ most: Int = 64 << 10) -> Int {
        var buffer = [UInt8](repeating: 0, count: min(most, 64 << 10))
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 { received += buffer[..<count] }
        return max(0, count)
    }

    private func readReplyNow(isHead: Bool) throws -> Reply {
        while true {
            let reply = try readOneReply(isHead: isHead)
            if reply.status != 100 { return reply }
        }
    }

    private func readOneReply(isHead: Bool) throws -> Reply {
        let head = String(decoding: try take(through: Array("\r\n\r\n".utf8)), as: UTF8.self)
        var lines = head.components(separatedBy: "\r\n").filter { !$0.isEmpty }
        let first = lines.removeFirst().split(separator: " ")
        guard first.count >= 2, let status = Int(first[1]) else { throw TestFailure("no status line: \(head)") }
        let headers = lines.map { line -> (String, String) in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (String(parts[0]), parts.count > 1 ? parts[1].trimmingSpaces() : "")
        }
        var reply = Reply(status: status, headers: headers, body: [])
        if isHead || status == 204 || status == 304 || status < 200 { return reply }
        if reply.header("Transfer-Encoding") == "chunked" {
            reply.body = try takeChunks()
        } else if let length = reply.header("Content-Length").flatMap(Int.init) {
            reply.body = try take(count: length)
        } else {
            while receive() > 0 {}
            reply.body = received
            received = []
        }
        return reply
    }

    private func takeChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = String(decoding: try take(through: Array("\r\n".utf8)).dropLast(2), as: UTF8.self)
            guard let size = Int(line, radix: 16) else { throw TestFailure("no chunk size: \(line)") }
            body += try take(count: size)
            _ = try take(count: 2)
            if size == 0 { return body }
        }
    }

    private func take(count: Int) throws -> [UInt8] {
        while received.count < count {
            guard receive() > 0 else { throw TestFailure("answer broke off: \(received.count) of \(count) bytes") }
        }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    private func take(through end: [UInt8]) throws -> [UInt8] {
        var searched = 0
        while true {
            while searched + end.count <= received.count {
                if received[searched..<(searched + end.count)].elementsEqual(end) {
                    return try take(count: searched + end.count)
                }
                searched += 1
            }
            guard receive() > 0 else {
                throw TestFailure("answer broke off: \(String(decoding: received, as: UTF8.self))")
            }
        }
    }
}

/// What went wrong in a test's own tools.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
