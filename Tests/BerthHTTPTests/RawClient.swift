import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A client that sends the bytes it is told to, good or bad, and reads with a deadline.
///
/// Blocking, but on threads of its own: the tests' tasks and the server's share few threads.
final class RawClient: Sendable {
    struct Failure: Error { let text: String }

    /// A reply as it came over the wire.
    struct Reply: Sendable {
        var status = 0
        var head = ""
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []

        var text: String { String(decoding: body, as: UTF8.self) }
        func field(_ name: String) -> String? {
            fields.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: 24)
        threads.start()
        return threads
    }()

    private static let sendFlags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)

    let descriptor: CInt
    /// Seconds that a read may take before it fails.
    private let patience: Int

    private init(descriptor: CInt, patience: Int) {
        self.descriptor = descriptor
        self.patience = patience
    }

    deinit { shut() }

    static func connect(port: Int, patience: Int = 30, receiveBuffer: CInt? = nil) async throws
        -> RawClient
    {
        try await threads.runIfActive {
            let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            if var receiveBuffer {
                setsockopt(
                    descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
            }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else {
                _ = close(descriptor)
                throw Failure(text: "connect: \(errno)")
            }
            return RawClient(descriptor: descriptor, patience: patience)
        }
    }

    static func connect(path: String) async throws -> RawClient {
        try await threads.runIfActive {
            let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            let result = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            guard result == 0 else {
                _ = close(descriptor)
                throw Failure(text: "connect: \(errno)")
            }
            return RawClient(descriptor: descriptor, patience: 30)
        }
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Sends all; an error if the other end has gone.
    func send(_ bytes: [UInt8]) async throws {
        try await Self.threads.runIfActive { [descriptor, patience] in
            var sent = 0
            while sent < bytes.count {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&wait, 1, Int32(patience * 1000)) > 0 else {
                    throw Failure(text: "send: too late")
                }
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, min($0.count, 1 << 16), Self.sendFlags)
                }
                if count < 0, errno == EAGAIN { continue }
                guard count > 0 else { throw Failure(text: "send: \(errno)") }
                sent += count
            }
        }
    }

    /// Sends until the kernel takes no more without waiting; answers how much it took.
    func sendWhatFits(_ bytes: [UInt8], quietMilliseconds: Int32 = 300) async throws -> Int {
        try await Self.threads.runIfActive { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&wait, 1, quietMilliseconds) > 0 else { return sent }
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, min($0.count, 1 << 16), Self.sendFlags)
                }
                if count < 0, errno == EAGAIN { continue }
                guard count > 0 else { throw Failure(text: "send: \(errno)") }
                sent += count
            }
            return sent
        }
    }

    /// Everything until the other end closes. A reset is an error.
    func readAll() async throws -> [UInt8] {
        try await Self.threads.runIfActive { [self] in
            var result: [UInt8] = []
            while let more = try receive(1 << 16) { result += more }
            return result
        }
    }

    /// Counts everything until the other end closes or resets; answers whether it was a reset.
    func countAll() async throws -> (bytes: Int, isReset: Bool) {
        try await Self.threads.runIfActive { [self] in
            var count = 0
            do {
                while let more = try receive(1 << 18) { count += more.count }
                return (count, false)
            } catch let failure as Failure where failure.text == "receive: \(ECONNRESET)" {
                return (count, true)
            }
        }
    }

    /// Exactly one reply, without a byte after it. `toHead`: it has no body.
    func readReply(toHead: Bool = false) async throws -> Reply {
        try await Self.threads.runIfActive { [self] in
            var head: [UInt8] = []
            while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) { head += try exactly(1) }
            var reply = Reply()
            reply.head = String(decoding: head, as: UTF8.self)
            let lines = reply.head.split(separator: "\r\n")
            reply.status =
                lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
            reply.fields = lines.dropFirst().map { line in
                let parts = line.split(separator: ":", maxSplits: 1)
                return (
                    String(parts.first ?? ""), parts.last.map { $0.drop { $0 == " " } }.map(String.init) ?? ""
                )
            }
            if toHead || reply.status < 200 || reply.status == 204 || reply.status == 304 { return reply }
            if let length = reply.field("Content-Length").flatMap({ Int($0) }) {
                reply.body = try exactly(length)
            } else if reply.field("Transfer-Encoding") == "chunked" {
                reply.body = try chunks()
            } else {
                while let more = try receive(1 << 16) { reply.body += more }
            }
            return reply
        }
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            var line: [UInt8] = []
            while !line.suffix(2).elementsEqual("\r\n".utf8) { line += try exactly(1) }
            guard let size = Int(String(decoding: line.dropLast(2), as: UTF8.self), radix: 16) else {
                throw Failure(text: "bad chunk")
            }
            body += try exactly(size)
            guard try exactly(2).elementsEqual("\r\n".utf8) else { throw Failure(text: "bad chunk end") }
            if size == 0 { return body }
        }
    }

    private func exactly(_ count: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            guard let more = try receive(count - result.count) else {
                throw Failure(text: "closed early")
            }
            result += more
        }
        return result
    }

    /// nil at the end.
    private func receive(_ most: Int) throws -> [UInt8]? {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, Int32(patience * 1000)) > 0 else {
            throw Failure(text: "receive: too late")
        }
        var failure: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: min(most, 1 << 18)) { buffer, count in
            let received = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if received < 0 { failure = errno }
            count = max(0, received)
        }
        guard failure == 0 else { throw Failure(text: "receive: \(failure)") }
        return bytes.isEmpty ? nil : bytes
    }

    /// Ends the sending side; the reply can still be read.
    func endSending() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

    /// Ends the connection; safe to call twice.
    func shut() { if isOpen.exchange(false) { _ = close(descriptor) } }

    /// Ends the connection by a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        shut()
    }

    private let isOpen = Flag()
}
