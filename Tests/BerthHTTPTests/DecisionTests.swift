import HTTPTypes
import NIOCore
import Testing

@testable import BerthHTTP

/// `#expect` for calls that change a value, which its macro can't take.
func check(_ isTrue: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(isTrue, sourceLocation: sourceLocation)
}

func fail(_ text: Comment, sourceLocation: SourceLocation = #_sourceLocation) {
    Issue.record(text, sourceLocation: sourceLocation)
}

@Suite("The body's queue")
struct BodyQueueTests {
    static func buffer(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 7, count: count) }

    @Test("batches close at 256 KiB, and large buffers are not copied")
    func batches() {
        var queue = BodyQueue()
        for _ in 0..<5 { _ = queue.append(Self.buffer(100 << 10)) }
        guard case .batch(let first) = queue.take(), case .batch(let second) = queue.take(),
            case .batch(let third) = queue.take()
        else { return fail("no three batches") }
        #expect(first.map(\.readableBytes) == [100 << 10, 100 << 10])
        #expect(second.count == 2)
        #expect(third.count == 1)
        #expect(queue.waitingBytes == 0)
        guard case .wait = queue.take() else { return fail("no end was told") }
    }

    @Test("single bytes are gathered into few buffers")
    func singleBytes() {
        var queue = BodyQueue()
        for _ in 0..<100_000 { _ = queue.append(Self.buffer(1)) }
        guard case .batch(let batch) = queue.take() else { return fail("nothing") }
        #expect(batch.count <= 4)
        #expect(batch.reduce(0) { $0 + $1.readableBytes } == 100_000)
    }

    @Test("reading stops when three batches wait, and goes on when one is taken")
    func pause() {
        var queue = BodyQueue()
        for _ in 0..<2 { _ = queue.append(Self.buffer(BodyQueue.batchBytes)) }
        check(!queue.shouldPause(memoryIsShort: false))
        _ = queue.append(Self.buffer(BodyQueue.batchBytes))
        check(queue.shouldPause(memoryIsShort: false))
        check(!queue.shouldResume(memoryIsShort: false))
        _ = queue.take()
        check(queue.shouldResume(memoryIsShort: false))
        #expect(!queue.isPaused)
    }

    @Test("of a reader that takes loans one batch waits, and the end of the loan makes the connection read")
    func loans() {
        var queue = BodyQueue()
        queue.takesLoans = true
        _ = queue.append(Self.buffer(BodyQueue.batchBytes - 1))
        check(!queue.shouldPause(memoryIsShort: false))
        _ = queue.append(Self.buffer(1))
        check(queue.shouldPause(memoryIsShort: false))
        queue.goOn()
        #expect(!queue.isPaused)
    }

    @Test("with memory short, a connection reads only when nothing of its own waits")
    func shortMemory() {
        var queue = BodyQueue()
        check(!queue.shouldPause(memoryIsShort: true))
        _ = queue.append(Self.buffer(1))
        check(queue.shouldPause(memoryIsShort: true))
        check(!queue.shouldResume(memoryIsShort: true))
        _ = queue.take()
        check(queue.shouldResume(memoryIsShort: true))
    }

    @Test("among many bodies less of each waits, in smaller batches; among few as much as otherwise")
    func share() {
        let memory = BodyMemory(limit: 128 << 20)
        #expect(memory.share >= BodyQueue.limit)
        for _ in 0..<100 { memory.bodyBegan() }
        let share = memory.share
        #expect(share * 100 <= 128 << 20 / 16)
        var queue = BodyQueue()
        _ = queue.append(Self.buffer(share / 2), share: share)
        check(!queue.shouldPause(memoryIsShort: false, share: share))
        _ = queue.append(Self.buffer(share), share: share)
        check(queue.shouldPause(memoryIsShort: false, share: share))
        guard case .batch(let first) = queue.take() else { return fail("nothing") }
        #expect(first.reduce(0) { $0 + $1.readableBytes } <= share)
        check(!queue.shouldResume(memoryIsShort: false, share: share))
        _ = queue.take()
        check(queue.shouldResume(memoryIsShort: false, share: share))
        for _ in 0..<1_000_000 { memory.bodyBegan() }
        #expect(memory.share == 64 << 10)
        for _ in 0..<1_000_100 { memory.bodyEnded() }
        #expect(memory.share >= BodyQueue.limit)
    }

    @Test("what arrived is handed out before a failure, and nothing after the end")
    func failure() {
        var queue = BodyQueue()
        _ = queue.append(Self.buffer(3))
        queue.fail(.disconnected)
        queue.finish()
        check(queue.append(Self.buffer(3)) == 0)
        guard case .batch = queue.take(), case .failure(.disconnected) = queue.take() else {
            return fail("order")
        }
    }

    @Test("an answered request's bytes are dropped")
    func abandon() {
        var queue = BodyQueue()
        _ = queue.append(Self.buffer(3))
        check(queue.abandon(.cancelled) == 3)
        #expect(queue.waitingBytes == 0)
        guard case .failure(.cancelled) = queue.take() else { return fail("read on") }
    }
}

@Suite("Deadlines on progress")
struct PaceTests {
    static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1) + .seconds(seconds) }

    @Test("a body stalls after the time without a byte")
    func silence() {
        var pace = BodyPace(timeout: .seconds(60), lowestRate: 1)
        pace.run(Self.at(0))
        pace.received(1 << 20, Self.at(10))
        #expect(pace.deadline == Self.at(60))
        check(!pace.isStalled(Self.at(60)))
        #expect(pace.deadline == Self.at(70))
        check(pace.isStalled(Self.at(70)))
    }

    @Test(
        "a body under the lowest rate stalls, one at the rate does not",
        arguments: [(1023, true), (1024, false)])
    func rate(bytesPerSecond: Int, stalls: Bool) {
        var pace = BodyPace(timeout: .seconds(60), lowestRate: 1024)
        pace.run(Self.at(0))
        for second in 1...59 { pace.received(bytesPerSecond, Self.at(Int64(second))) }
        pace.received(bytesPerSecond, Self.at(60))
        check(pace.isStalled(Self.at(60)) == stalls)
    }

    @Test("no time runs while the server does not read")
    func paused() {
        var pace = BodyPace(timeout: .seconds(60), lowestRate: 1024)
        pace.run(Self.at(0))
        pace.pause()
        #expect(pace.deadline == nil)
        check(!pace.isStalled(Self.at(1000)))
        pace.run(Self.at(1000))
        #expect(pace.deadline == Self.at(1060))
    }

    @Test("a rate that no number holds is no overflow")
    func overflow() {
        var pace = BodyPace(timeout: .hours(1), lowestRate: .max)
        pace.run(Self.at(0))
        pace.received(1, Self.at(3600))
        check(pace.isStalled(Self.at(3600)))
    }

    @Test("sending stalls only when nothing is taken")
    func sending() {
        var progress = WriteProgress(timeout: .seconds(300), now: Self.at(0))
        check(!progress.isStalled(handed: 1000, waiting: 900, now: Self.at(200)))
        check(!progress.isStalled(handed: 1000, waiting: 899, now: Self.at(400)))
        // More handed over is no progress of the client's.
        check(!progress.isStalled(handed: 2000, waiting: 1899, now: Self.at(600)))
        check(progress.isStalled(handed: 2000, waiting: 1899, now: Self.at(700)))
        check(!progress.isStalled(handed: 2000, waiting: 0, now: Self.at(900)))
    }

    @Test("the nearest deadline counts")
    func nearest() {
        var deadlines = Deadlines()
        #expect(deadlines.next(nil) == nil)
        deadlines.phase = Self.at(5)
        deadlines.write = Self.at(3)
        #expect(deadlines.next(Self.at(4)) == Self.at(3))
        #expect(deadlines.next(Self.at(2)) == Self.at(2))
    }
}

@Suite("Small parts")
struct PartTests {
    @Test("a field that stands several times is one value, with commas")
    func fields() {
        let headers: HeaderFields = [.accept: "a", .range: "bytes=0-1", .accept: "", .accept: "b, c"]
        let request = Request(method: .get, target: "/", headers: headers)
        #expect(request.field(.accept) == "a, , b, c")
        #expect(request.field(.range) == "bytes=0-1")
        #expect(request.field(.hostHeader) == nil)
    }

    final class Owner: Sendable {}

    @Test("a plan hands out bytes and pieces of files in order")
    func plan() {
        let owner = Owner()
        func range(_ offset: Int64, _ length: Int64) -> Response.FileRange {
            Response.FileRange(owner: owner, descriptor: 3, offset: offset, length: length)
        }
        var plan = OutputPlan([
            .init(bytes: ByteBuffer(string: "a"), file: range(5, 25)),
            .init(bytes: ByteBuffer(), file: range(0, 0)),
            .init(bytes: ByteBuffer(string: "z")),
        ])
        var result: [String] = []
        while let piece = plan.next(upTo: 10) {
            switch piece {
            case .bytes(let bytes): result.append(String(buffer: bytes))
            case .file(_, let offset, let length): result.append("\(offset)+\(length)")
            }
        }
        #expect(result == ["a", "5+10", "15+10", "25+5", "z"])
        #expect(plan.isFinished)
    }

    @Test(
        "dates are written as RFC 9110 wants them",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        ])
    func date(seconds: Int, text: String) {
        #expect(HTTPDate.text(Int64(seconds)) == text)
    }

    @Test("ids are made of harmless characters, each once")
    func ids() {
        var source = RequestIDSource()
        var seen: Set<String> = []
        for _ in 0..<1000 {
            let id = source.next()
            #expect(id.utf8.count == 13)
            #expect(seen.insert(id).inserted)
            #expect(RequestIDSource.accepted([.requestID: id]) == id)
        }
    }

    @Test(
        "a client's id is taken over only if it is harmless",
        arguments: [
            ("abc-1.2_Z", true), (String(repeating: "a", count: 64), true),
            (String(repeating: "a", count: 65), false),
            ("", false), ("a b", false), ("a\"b", false), ("\u{e9}", false), ("a,b", false),
        ])
    func takenOver(id: String, isTaken: Bool) {
        #expect((RequestIDSource.accepted([.requestID: id]) == id) == isTaken)
    }

    @Test(
        "blocks hold their addresses",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false), ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("10.1.2.192/26", "10.1.2.191", false), ("10.1.2.192/26", "10.1.2.193", true),
            ("fd00::/8", "fd12::1", true),
            ("2001:db8::/33", "2001:db8:8000::", false), ("127.0.0.0/8", "::ffff:127.0.0.1", true),
        ])
    func block(block: String, address: String, isInside: Bool) throws {
        let block = try #require(CIDR(block))
        #expect(block.contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(
        "what is no block is refused",
        arguments: [
            "", "a", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/8/8", "[::1]",
        ])
    func noBlock(text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test(
        "the client is the right-most address outside the trusted proxies",
        arguments: [
            ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
            ("127.0.0.1", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
            ("127.0.0.1", ["6.6.6.6, 198.51.100.7, 10.0.0.1"], "198.51.100.7"),
            ("127.0.0.1", ["6.6.6.6, 198.51.100.7", "10.0.0.1"], "198.51.100.7"),
            ("127.0.0.1", ["10.0.0.1, 10.0.0.2"], "10.0.0.1"), ("127.0.0.1", [], "127.0.0.1"),
            ("127.0.0.1", ["6.6.6.6, unknown"], "127.0.0.1"),
            ("127.0.0.1", ["6.6.6.6, unknown, 10.0.0.1"], "10.0.0.1"),
            ("127.0.0.1", ["[2001:db8::1]:80"], "2001:db8::1"),
            ("127.0.0.1", ["198.51.100.7:1234"], "198.51.100.7"),
            ("127.0.0.1", ["2001:DB8::1"], "2001:db8::1"), ("192.0.2.9", ["198.51.100.7"], "192.0.2.9"),
        ])
    func forwarded(peer: String, entries: [String], client: String) {
        let clients = ClientAddress(
            trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"].compactMap { CIDR($0) })
        var headers: HeaderFields = [.forwardedProto: "https"]
        for entry in entries { headers.append(.forwardedFor, entry) }
        let found = clients.peer(Peer(address: peer), address: IPAddress(peer), headers: headers)
        #expect(found.address == client)
        #expect(found.isSecure == (peer == "127.0.0.1"))
    }

    @Test(
        "a proxy on a Unix socket is believed where that is configured",
        arguments: [
            (["198.51.100.7"], "198.51.100.7"), (["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
            (["198.51.100.7, 10.0.0.1"], "198.51.100.7"), ([], "unix"), (["nonsense"], "unix"),
        ])
    func throughSocket(entries: [String], client: String) {
        let connection = Peer(address: "unix", isUnixSocket: true)
        var headers: HeaderFields = [.forwardedProto: "https"]
        for entry in entries { headers.append(.forwardedFor, entry) }
        let networks = [CIDR("10.0.0.0/8")].compactMap { $0 }
        let clients = ClientAddress(trustedProxies: networks, trustsUnixSockets: true)
        let found = clients.peer(connection, address: nil, headers: headers)
        #expect(found.address == client && found.isSecure && found.isThroughProxy && found.isUnixSocket)
        let unasked = ClientAddress(trustedProxies: networks).peer(connection, address: nil, headers: headers)
        #expect(unasked == connection)
    }

    @Test("nobody is believed unless told so")
    func untrusted() {
        let clients = ClientAddress(trustedProxies: [])
        let headers: HeaderFields = [.forwardedFor: "6.6.6.6", .forwardedProto: "https"]
        let peer = Peer(address: "127.0.0.1")
        #expect(clients.peer(peer, address: IPAddress("127.0.0.1"), headers: headers) == peer)
    }

    @Test(
        "the framing follows from status, method, version and body",
        arguments: [
            (200, false, HTTPVersion.http11, ResponseHead.Framing.chunked, true),
            (200, false, .http10, .untilClose, true), (200, true, .http11, .chunked, false),
            (204, false, .http11, .none, false), (304, false, .http11, .none, false),
            (304, true, .http11, .none, false), (101, false, .http11, .none, false),
        ])
    func framing(
        status: Int, isHead: Bool, version: HTTPVersion, framing: ResponseHead.Framing, hasBody: Bool
    ) {
        let stream = AsyncThrowingStream<ByteBuffer, any Error> { $0.finish() }
        let response = Response(status: .init(code: status), body: .stream(length: nil, stream))
        let head = ResponseHead(response, toHead: isHead, version: version)
        #expect(head.framing == framing)
        #expect(head.hasBody == hasBody)
    }

    @Test("a socket's connections are counted in all and by address")
    func quota() {
        var limits = HTTPLimits()
        limits.connections = 3
        limits.connectionsPerAddress = 2
        let quota = ConnectionQuota(limits)
        let (a, b) = (IPAddress("192.0.2.1"), IPAddress("192.0.2.2"))
        #expect(quota.enter(a) && quota.enter(a))
        #expect(!quota.enter(a))
        quota.leave(a)
        #expect(quota.enter(b))
        #expect(!quota.enter(b))
        quota.leave(b)
        quota.leave(a)
        #expect(quota.enter(a))
    }
}

@Suite("A pause of a body")
struct BodyPauseTests {
    @Test("is not forgotten when bytes come between a reader's taking and its asking to resume")
    func remembered() {
        var queue = BodyQueue()
        let batch = ByteBuffer(repeating: 1, count: 256 << 10)
        for _ in 0..<3 { _ = queue.append(batch) }
        let isPaused = queue.shouldPause(memoryIsShort: false)
        #expect(isPaused)
        _ = queue.take()
        _ = queue.take()
        _ = queue.append(ByteBuffer(repeating: 1, count: 10))
        let isStillPaused = queue.shouldPause(memoryIsShort: false)
        #expect(isStillPaused)
        let resumes = queue.shouldResume(memoryIsShort: false)
        #expect(resumes)
        #expect(!queue.isPaused)
    }
}
