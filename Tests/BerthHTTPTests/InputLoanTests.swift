import Glibc
import NIOCore
import Synchronization
import Testing

@testable import BerthHTTP

/// The loan alone, at one end of a pair of sockets.
@Suite("A loan of input")
struct InputLoanTests {
    private final class Ends: Sendable {
        final class Tell: Sendable { let count = Atomic(0) }

        let loan: InputLoan
        let tell = Tell()
        private let other: Mutex<CInt>

        /// Of a request of this framing, whose head the connection has read.
        init(_ framing: String) throws {
            var sockets: [CInt] = [-1, -1]
            guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &sockets) == 0 else {
                throw RawClient.Failure(text: "socketpair: \(errno)")
            }
            var parser = RequestParser(limits: HTTPLimits())
            var head = ByteBuffer(string: "PUT / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
            guard case .head? = parser.next(&head) else { throw RawClient.Failure(text: "no head") }
            loan = InputLoan(descriptor: sockets[0], parser: parser) { [tell] in
                tell.count.add(1, ordering: .relaxed)
            }
            other = Mutex(sockets[1])
        }

        deinit { shut() }

        func send(_ text: String) {
            let bytes = Array(text.utf8)
            let count = other.withLock { Glibc.send($0, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }
            #expect(count == bytes.count)
        }

        func shut() {
            other.withLock { other in
                if other >= 0 { _ = Glibc.close(other) }
                other = -1
            }
        }

        var told: Int { tell.count.load(ordering: .relaxed) }
    }

    private static func buffer() -> ByteBuffer { ByteBufferAllocator().buffer(capacity: 4096) }
    private static func text(_ batch: [ByteBuffer]?) -> String? {
        batch.map { $0.map { String(buffer: $0) }.joined() }
    }

    @Test("hands out what arrives, in one buffer, up to the body's end, and keeps what is behind")
    func length() throws {
        let ends = try Ends("Content-Length: 10")
        var buffer = Self.buffer()
        let place = buffer.withVeryUnsafeMutableBytes { $0.baseAddress }
        ends.send("abc")
        #expect(Self.text(ends.loan.read(into: &buffer, waiting: 0)) == "abc")
        #expect(buffer.withVeryUnsafeMutableBytes { $0.baseAddress } == place)
        ends.send("defghijGET")
        #expect(Self.text(ends.loan.read(into: &buffer, waiting: 0)) == "defghij")
        #expect(ends.told == 1)
        #expect(ends.loan.read(into: &buffer, waiting: 10_000) == nil)
        #expect(ends.told == 1)
        let rest = ends.loan.takeBack()
        #expect(rest.received == 10)
        #expect(String(buffer: rest.input) == "GET")
        guard case .body? = rest.end else { return fail("no end") }
    }

    private static let chunks = "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"

    @Test("framing is never handed out, in however small pieces it is received", arguments: 1...30)
    func pieces(room: Int) throws {
        let ends = try Ends("Transfer-Encoding: chunked")
        var buffer = ByteBufferAllocator().buffer(capacity: room)
        ends.send(Self.chunks)
        var text = ""
        while let batch = Self.text(ends.loan.read(into: &buffer, waiting: 0)) { text += batch }
        #expect(text == "abcdefg")
        let rest = ends.loan.takeBack()
        #expect(rest.received == 7)
        guard case .body? = rest.end else { return fail("no end") }
    }

    @Test("many small chunks are few pieces")
    func smallChunks() throws {
        let ends = try Ends("Transfer-Encoding: chunked")
        var buffer = ByteBufferAllocator().buffer(capacity: 64 << 10)
        ends.send(String(repeating: "1\r\nx\r\n", count: 9_000) + "1000\r\n" + String(repeating: "y", count: 4096))
        let batch = try #require(ends.loan.read(into: &buffer, waiting: 0))
        #expect(batch.map(\.readableBytes) == [4096, 4096, 808, 4096])
        #expect(Self.text(batch) == String(repeating: "x", count: 9_000) + String(repeating: "y", count: 4096))
    }

    @Test("the connection goes on wherever the loan has ended")
    func handedOver() throws {
        let whole = Self.chunks + "GET"
        for cut in 1...Self.chunks.utf8.count {
            let ends = try Ends("Transfer-Encoding: chunked")
            var buffer = Self.buffer()
            ends.send(String(whole.prefix(cut)))
            var text = ""
            while let batch = Self.text(ends.loan.read(into: &buffer, waiting: 0)) { text += batch }
            var rest = ends.loan.takeBack()
            #expect(rest.received == text.utf8.count)
            rest.input.writeString(String(whole.dropFirst(cut)))
            while rest.end == nil, let event = rest.parser.next(&rest.input) {
                switch event {
                case .body(let bytes): text += String(buffer: bytes)
                case .end: rest.end = .body
                case .head, .problem: fail("cut at \(cut)")
                }
            }
            #expect(text == "abcdefg", "cut at \(cut)")
            #expect(String(buffer: rest.input) == "GET")
        }
    }

    @Test("is over when nothing comes, at the end of the input, and when it is called back", arguments: 0...2)
    func over(how: Int) throws {
        let ends = try Ends("Content-Length: 10")
        var buffer = Self.buffer()
        ends.send("abc")
        #expect(Self.text(ends.loan.read(into: &buffer, waiting: 0)) == "abc")
        switch how {
        case 0: break
        case 1: ends.shut()
        default:
            ends.send("def")
            ends.loan.revoke()
        }
        #expect(ends.loan.read(into: &buffer, waiting: 1) == nil)
        #expect(ends.loan.isOver)
        #expect(ends.told == 1)
        let rest = ends.loan.takeBack()
        #expect(rest.received == 3)
        #expect(rest.end == nil)
    }

    @Test("tells of broken framing behind what was good")
    func problem() throws {
        let ends = try Ends("Transfer-Encoding: chunked")
        var buffer = Self.buffer()
        ends.send("3\r\nabc\r\nxyz")
        #expect(Self.text(ends.loan.read(into: &buffer, waiting: 0)) == "abc")
        #expect(ends.loan.read(into: &buffer, waiting: 0) == nil)
        guard case .problem(.badRequest)? = ends.loan.takeBack().end else { return fail("no problem") }
    }
}
