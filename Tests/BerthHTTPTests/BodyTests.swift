import BerthHTTP
import BerthTestSupport
import HTTPTypes
import NIOCore
import Synchronization
import Testing

extension LiveTests {
    @Suite("Bodies of requests")
    struct BodyTests {
        /// Answers the body that came.
        static func echo(_ request: Request) -> Handling {
            .task {
                do {
                    return Response(status: .ok, body: .bytes(try await request.body.collect(upTo: 8 << 20)))
                } catch {
                    return .text("\(error)", status: .internalServerError)
                }
            }
        }

        @Test(
            "arrive whole and in order, by length and by chunks",
            arguments: [0, 1, 4095, 70_000, 3_000_000])
        func whole(size: Int) async throws {
            let bytes = pattern(size)
            try await withServer(route: Self.echo) { server in
                let client = try await server.connect()
                try await client.send(
                    Array("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n".utf8) + bytes)
                expectSame(try await client.readReply().body, bytes)
                var chunked = Array("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
                for start in stride(from: 0, to: size, by: 1000) {
                    let chunk = bytes[start..<min(size, start + 1000)]
                    chunked += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
                }
                try await client.send(chunked + Array("0\r\n\r\n".utf8))
                expectSame(try await client.readReply().body, bytes)
            }
        }

        @Test("a handler that does not read bounds what is held in memory, and loses nothing")
        func backPressure() async throws {
            let gate = Gate()
            let size = 64 << 20
            try await withServer(
                route: { request in
                    .task {
                        await gate.pass()
                        do {
                            var count = 0
                            for try await batch in request.body { count += batch.reduce(0) { $0 + $1.readableBytes } }
                            return .text("\(count)")
                        } catch { return .text("\(error)") }
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
                    let chunk = [UInt8](repeating: 1, count: size)
                    let sent = try await client.sendWhatFits(chunk)
                    #expect(sent < size)
                    try await eventually("three batches wait") { server.server.waitingBodyBytes >= 768 << 10 }
                    #expect(server.server.waitingBodyBytes < (768 + 512) << 10)
                    gate.open()
                    try await client.send(Array(chunk[sent...]))
                    #expect(try await client.readReply().text == "\(size)")
                    #expect(server.server.waitingBodyBytes == 0)
                })
        }

        @Test("with the memory for bodies used up, every connection still gets on")
        func sharedMemory() async throws {
            try await withServer(.local { $0.bodyMemory = 1 }, route: Self.echo) { server in
                let bytes = pattern(2_000_000)
                try await withThrowingTaskGroup(of: [UInt8].self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let client = try await server.connect()
                            try await client.send(
                                Array("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(bytes.count)\r\n\r\n".utf8)
                                    + bytes)
                            return try await client.readReply().body
                        }
                    }
                    for try await body in group { expectSame(body, bytes) }
                }
                #expect(server.server.waitingBodyBytes == 0)
            }
        }

        @Test("100 is sent when the handler reads, once")
        func expected() async throws {
            try await withServer(route: Self.echo) { server in
                let client = try await server.connect()
                for _ in 0..<2 {
                    try await client.send(
                        "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                    #expect(try await client.readReply().status == 100)
                    try await client.send("abc")
                    #expect(try await client.readReply().text == "abc")
                }
            }
        }

        @Test("a refusal without reading sends no 100 and closes")
        func refusedExpectation() async throws {
            try await withServer(
                route: { _ in .answer(.text("no", status: .forbidden)) },
                body: { server in
                    let client = try await server.connect()
                    try await client.send(
                        "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                    let reply = try await client.readReply()
                    #expect(reply.status == 403)
                    #expect(reply.field("Connection") == "close")
                    #expect(try await client.readAll().isEmpty)
                })
        }

        @Test(
            "a body over a limit is refused before its 100", arguments: ["Expect: 100-continue\r\n", ""])
        func tooLarge(field: String) async throws {
            try await withServer(
                route: { request in
                    .task {
                        do { return .text("\(try await request.body.collect(upTo: 2).readableBytes)") } catch {
                            return .text("\(error)", status: .contentTooLarge)
                        }
                    }
                },
                body: { server in
                    let reply = try await server.ask(
                        "PUT / HTTP/1.1\r\nHost: a\r\n\(field)Content-Length: 3\r\n\r\n")
                    #expect(reply.status == 413)
                    #expect(reply.text == "tooLarge(limit: 2)")
                })
        }

        @Test("the rest of a small body is drained, and the connection goes on")
        func drained() async throws {
            try await withServer(
                route: { _ in .answer(.text("no", status: .forbidden)) },
                body: { server in
                    let client = try await server.connect()
                    for _ in 0..<3 {
                        try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
                        #expect(try await client.readReply().status == 403)
                        try await client.send([UInt8](repeating: 1, count: 100_000))
                    }
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try await client.readReply().status == 403)
                })
        }

        @Test("a large body is not drained, but the client reads the answer and no reset")
        func notDrained() async throws {
            try await withServer(
                route: { _ in .answer(.text("no", status: .forbidden)) },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
                    let reply = try await client.readReply()
                    #expect(reply.status == 403)
                    #expect(reply.field("Connection") == "close")
                    #expect(try await client.readAll().isEmpty)
                    // An endless chunked body can't be foreseen: cut off when the bytes are used up.
                    let other = try await server.connect()
                    try await other.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                    try await other.send(
                        Array("100000\r\n".utf8) + [UInt8](repeating: 1, count: 1 << 20)
                            + Array("\r\n2\r\nab".utf8))
                    #expect(try await other.readReply().status == 403)
                    #expect(try await other.readAll().isEmpty)
                })
        }

        @Test("a rest that does not come ends the connection after the time for draining")
        func drainTime() async throws {
            try await withServer(
                .local { $0.timeouts.drain = .milliseconds(50) },
                route: { _ in .answer(.text("no", status: .forbidden)) },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
                    #expect(try await client.readReply().status == 403)
                    #expect(try await client.readAll().isEmpty)
                })
        }

        @Test(
            "a client that vanishes ends the body with an error after what arrived",
            arguments: [true, false])
        func vanished(byReset: Bool) async throws {
            let results = Inbox<String>()
            try await withServer(
                route: { request in
                    .task {
                        var count = 0
                        do {
                            for try await batch in request.body {
                                count += batch.reduce(0) { $0 + $1.readableBytes }
                            }
                            results.put("end after \(count)")
                        } catch { results.put("\(error) after \(count)") }
                        return .text("late")
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                    try await eventually("the bytes are taken") { server.server.waitingBodyBytes == 0 }
                    if byReset { client.reset() } else { client.shut() }
                    let result = await results.next()
                    // A reset may overtake the bytes themselves.
                    if byReset {
                        #expect(result?.hasPrefix("disconnected") == true)
                    } else {
                        #expect(result == "disconnected after 3")
                    }
                    let record = await server.recorder.records.next()
                    #expect(
                        record?.isComplete == false || record?.status.code == 200, "\(String(describing: record))"
                    )
                })
        }

        @Test("a task goes on when its client leaves after the whole body")
        func commitFinishes() async throws {
            let (started, gate, finished) = (Gate(), Gate(), Gate())
            try await withServer(
                route: { request in
                    .task {
                        _ = try? await request.body.collect(upTo: 100)
                        started.open()
                        await gate.pass()
                        if !Task.isCancelled { finished.open() }
                        return .text("late")
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                    await started.pass()
                    client.reset()
                    let record = await server.recorder.records.next()
                    #expect(record?.status.code == 499)
                    gate.open()
                    await finished.pass()
                })
        }

        @Test("a client that sends no more, or too slowly, gets 408", arguments: [0, 1])
        func stalled(rate: Int) async throws {
            try await withServer(
                .local {
                    $0.timeouts.body = .milliseconds(100)
                    $0.timeouts.lowestBodyRate = rate * 1_000_000
                }, route: Self.echo
            ) { server in
                let client = try await server.connect()
                try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
                let reply = try await client.readReply()
                #expect(reply.status == 408)
                #expect(reply.field("Connection") == "close")
                #expect(try await client.readAll().isEmpty)
            }
        }

        @Test("a handler that takes its time is no fault of the client")
        func slowHandler() async throws {
            let gate = Gate()
            let size = 8 << 20
            try await withServer(
                .local { $0.timeouts.body = .seconds(2) },
                route: { request in
                    .task {
                        await gate.pass()
                        do { return .text("\(try await request.body.collect(upTo: size).readableBytes)") } catch {
                            return .text("\(error)")
                        }
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
                    let bytes = [UInt8](repeating: 1, count: size)
                    // Longer without a byte taken than the time for a body.
                    let sent = try await client.sendWhatFits(bytes, quietMilliseconds: 3_000)
                    gate.open()
                    try await client.send(Array(bytes[sent...]))
                    #expect(try await client.readReply().text == "\(size)")
                })
        }

        @Test("a request's answer ends its reading")
        func readingOn() async throws {
            let results = Inbox<String>()
            try await withServer(
                route: { request in
                    .task {
                        Task {
                            do {
                                for try await _ in request.body {}
                                results.put("end")
                            } catch { results.put("\(error)") }
                        }
                        return .text("early")
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    try await client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
                    #expect(try await client.readReply().text == "early")
                    #expect(await results.next() == "cancelled")
                })
        }
    }
}
