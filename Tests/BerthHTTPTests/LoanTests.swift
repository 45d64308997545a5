import BerthTestSupport
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import BerthHTTP

extension LiveTests {
    @Suite("Input in the hands of whoever reads the body (H12)")
    struct LoanTests {
        /// What a handler read, and in which way.
        struct Read: Sendable {
            var bytes: [UInt8] = []
            var loans = 0
            var lent = 0

            mutating func add(_ batch: [ByteBuffer]) {
                for buffer in batch { bytes.append(contentsOf: buffer.readableBytesView) }
            }
        }

        /// Asks for a loan before each batch, as the store does. `inLoan` works with it, and then what it has left is read.
        static func read(
            _ body: RequestBody, start: Gate,
            inLoan: @Sendable (InputLoan, inout ByteBuffer, inout Read) async -> Void
        ) async throws(BodyError) -> Read {
            var read = Read()
            var iterator = body.makeAsyncIterator()
            _ = body.takeLoan()
            await start.pass()
            while true {
                if let loan = body.takeLoan() {
                    read.loans += 1
                    var buffer = ByteBufferAllocator().buffer(capacity: 256 << 10)
                    let before = read.bytes.count
                    await inLoan(loan, &buffer, &read)
                    while let batch = loan.read(into: &buffer, waiting: 0) { read.add(batch) }
                    read.lent += read.bytes.count - before
                    loan.giveBack()
                }
                guard let batch = try await iterator.next(isolation: nil) else { return read }
                read.add(batch)
            }
        }

        /// A server that answers with the length of what came, and puts what it read into `reads`. Reading begins once
        /// more waits than a reader that takes loans lets wait.
        static func route(
            _ reads: Inbox<Read>, start: Gate,
            inLoan: @escaping @Sendable (InputLoan, inout ByteBuffer, inout Read) async -> Void = { _, _, _ in }
        ) -> @Sendable (Request) -> Handling {
            { request in
                guard request.hasBody else { return .answer(.text("plain")) }
                return .task {
                    do throws(BodyError) {
                        let read = try await Self.read(request.body, start: start, inLoan: inLoan)
                        reads.put(read)
                        return .text("\(read.bytes.count)")
                    } catch { return .text("\(error)", status: .internalServerError) }
                }
            }
        }

        private static func open(_ start: Gate, when server: LiveServer) async throws {
            try await eventually("a batch waits") { server.server.waitingBodyBytes >= BodyQueue.batchBytes }
            // The connection has paused with these bytes, and offers its input when it comes back from reading them.
            try await Task.sleep(for: .milliseconds(50))
            start.open()
        }

        /// Sends a head and 600,000 bytes of 700,000, and lets their reader begin.
        private static func sendMost(to server: LiveServer, _ start: Gate) async throws -> RawClient {
            let client = try await server.connect()
            try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 700000\r\n\r\n")
            try await client.send(Array(pattern(700_000)[..<600_000]))
            try await open(start, when: server)
            return client
        }

        static func chunked(_ bytes: [UInt8], by size: Int) -> [UInt8] {
            var chunked: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                let chunk = bytes[start..<min(bytes.count, start + size)]
                chunked += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
            }
            return chunked + Array("0\r\n\r\n".utf8)
        }

        @Test(
            "what comes faster than it is read is received by its reader, whole and in order, and nothing behind it",
            arguments: [(20_000_000, 0), (20_000_000, 10_000), (2_000_000, 1)])
        func whole(count: Int, byChunksOf size: Int) async throws {
            let bytes = pattern(count)
            let framing = size == 0 ? "Content-Length: \(count)" : "Transfer-Encoding: chunked"
            let (reads, start) = (Inbox<Read>(), Gate())
            try await withServer(route: Self.route(reads, start: start)) { server in
                let client = try await server.connect()
                let head = Array("PUT / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n".utf8)
                let body = size == 0 ? bytes : Self.chunked(bytes, by: size)
                let next = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                async let sent: Void = client.send(head + body + next)
                try await Self.open(start, when: server)
                try await sent
                #expect(try await client.readReply().text == "\(count)")
                #expect(try await client.readReply().text == "plain")
                let read = try #require(await reads.next())
                expectSame(read.bytes, bytes)
                #expect(read.lent > 0)
                #expect(server.server.waitingBodyBytes == 0)
                let record = await server.recorder.records.next()
                #expect(record?.bytesIn == Int64(count))
            }
        }

        /// Sends most of a body, so that its reader gets a loan, and what is left when the reader has it.
        private func inLoan(
            _ framing: String = "Content-Length: 700000",
            holding work: @escaping @Sendable (InputLoan, inout ByteBuffer, inout Read) async -> Void,
            then rest: @escaping @Sendable (RawClient, [UInt8]) async throws -> Void,
            check: @escaping @Sendable (LiveServer, RawClient, Inbox<Read>) async throws -> Void
        ) async throws {
            let bytes = pattern(700_000)
            let (reads, start, lent) = (Inbox<Read>(), Gate(), Gate())
            let route = Self.route(reads, start: start) { loan, buffer, read in
                lent.open()
                await work(loan, &buffer, &read)
            }
            try await withServer(route: route) { server in
                let client = try await server.connect()
                try await client.send("PUT / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
                let isChunked = framing.hasPrefix("Transfer")
                try await client.send((isChunked ? Array("927c0\r\n".utf8) : []) + bytes[..<600_000])
                try await Self.open(start, when: server)
                await lent.pass()
                try await rest(client, Array(bytes[600_000...]))
                try await check(server, client, reads)
            }
        }

        @Test("input that ends while it is lent is read on by the connection, in order")
        func halfClosed() async throws {
            try await inLoan(
                holding: { loan, buffer, read in
                    if let batch = loan.read(into: &buffer, waiting: 10_000) { read.add(batch) }
                    try? await eventually("the loan was called back") { loan.isOver }
                    #expect(loan.read(into: &buffer, waiting: 0) == nil)
                },
                then: { client, rest in
                    try await client.send(rest)
                    client.endSending()
                },
                check: { _, client, reads in
                    #expect(try await client.readReply().text == "700000")
                    expectSame(try #require(await reads.next()).bytes, pattern(700_000))
                })
        }

        @Test("a reader that gives the input back early gets the rest from the connection")
        func givenBack() async throws {
            try await inLoan(
                holding: { loan, buffer, _ in
                    loan.giveBack()
                    loan.giveBack()
                    #expect(loan.read(into: &buffer, waiting: 10_000) == nil)
                },
                then: { client, rest in try await client.send(rest) },
                check: { _, client, reads in
                    #expect(try await client.readReply().text == "700000")
                    expectSame(try #require(await reads.next()).bytes, pattern(700_000))
                })
        }

        @Test("a client that vanishes ends the loan, and the body with an error", arguments: [true, false])
        func vanished(byReset: Bool) async throws {
            try await inLoan(
                holding: { loan, _, _ in
                    try? await eventually("the loan was called back") { loan.isOver }
                },
                then: { client, rest in
                    try await client.send(Array(rest.dropLast()))
                    if byReset { client.reset() } else { client.shut() }
                },
                check: { server, _, _ in
                    let record = await server.recorder.records.next()
                    #expect(record?.isComplete == false || record?.status.code == 500, "\(String(describing: record))")
                    try await eventually("the connection is gone") { server.recorder.connections == 0 }
                })
        }

        @Test("a body that is interrupted from outside ends the loan, and what comes after it is not read")
        func interrupted() async throws {
            let (start, lent) = (Gate(), Gate())
            let results = Inbox<String>()
            try await withServer(
                route: { request in
                    .task {
                        do throws(BodyError) {
                            let read = try await Self.read(request.body, start: start) { loan, buffer, _ in
                                request.body.interrupt()
                                results.put("\(loan.isOver), \(loan.read(into: &buffer, waiting: 10_000) == nil)")
                                lent.open()
                            }
                            return .text("\(read.bytes.count)")
                        } catch { return .text("\(error)", status: .conflict) }
                    }
                },
                body: { server in
                    let client = try await Self.sendMost(to: server, start)
                    await lent.pass()
                    #expect(await results.next() == "true, true")
                    #expect(try await client.readReply().text == "cancelled")
                })
        }

        @Test("broken framing that the reader meets is answered as always")
        func brokenChunks() async throws {
            try await inLoan(
                "Transfer-Encoding: chunked",
                holding: { loan, buffer, read in
                    while let batch = loan.read(into: &buffer, waiting: 10_000) { read.add(batch) }
                    #expect(loan.isOver)
                },
                then: { client, _ in try await client.send("\r\nxyz\r\n") },
                check: { _, client, _ in
                    let reply = try await client.readReply()
                    #expect(reply.status == 400)
                    #expect(reply.field("Connection") == "close")
                    #expect(try await client.readAll().isEmpty)
                })
        }

        @Test("an answer takes back what is lent, and the connection goes on behind the rest of the body")
        func answered() async throws {
            let (start, lent) = (Gate(), Gate())
            let loans = Mutex<[InputLoan]>([])
            try await withServer(
                route: { request in
                    guard request.hasBody else { return .answer(.text("plain")) }
                    return .task {
                        var iterator = request.body.makeAsyncIterator()
                        _ = request.body.takeLoan()
                        await start.pass()
                        while let batch = try? await iterator.next(isolation: nil), !batch.isEmpty {
                            guard let loan = request.body.takeLoan() else { continue }
                            loans.withLock { $0.append(loan) }
                            lent.open()
                            break
                        }
                        return .text("enough")
                    }
                },
                body: { server in
                    let client = try await Self.sendMost(to: server, start)
                    await lent.pass()
                    #expect(try await client.readReply().text == "enough")
                    let loan = try #require(loans.withLock { $0.first })
                    var buffer = ByteBufferAllocator().buffer(capacity: 1024)
                    #expect(loan.read(into: &buffer, waiting: 10_000) == nil)
                    try await client.send([UInt8](repeating: 1, count: 100_000))
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.readReply().text == "plain")
                })
        }
    }
}
