import BerthHTTP
import HTTPTypes
import NIOCore
import Testing

extension LiveTests {
    @Suite("Connections that end while an answer still leaves")
    struct LeavingAnswerTests {
        enum Ending: CaseIterable, Sendable {
            case stop, stopAndHalfClose, idleTime, halfClose, halfCloseBehindTheLast
        }

        @Test("an answer from memory arrives whole, whatever ends its connection", arguments: Ending.allCases)
        func whole(ending: Ending) async throws {
            let bytes = pattern(12 << 20)
            try await withServer(
                .local { if ending == .idleTime { $0.timeouts.idle = .seconds(2) } },
                route: { _ in .answer(Response(status: .ok, body: .bytes(ByteBuffer(bytes: bytes)))) },
                body: { server in
                    let idle = try await server.connect()
                    let client = try await server.connect(receiveBuffer: 16 << 10)
                    let field = ending == .halfCloseBehindTheLast ? "Connection: close\r\n" : ""
                    try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\(field)\r\n")
                    #expect(try await client.readReply(toHead: true).status == 200)
                    switch ending {
                    case .stop, .stopAndHalfClose:
                        async let stopped: Void = server.server.shutdown(grace: .seconds(120))
                        // All connections of an event loop are told in the same turn.
                        #expect(try await idle.readAll().isEmpty)
                        if ending == .stopAndHalfClose { client.endSending() }
                        expectSame(try await client.readAll(), bytes)
                        client.shut()
                        await stopped
                    case .idleTime:
                        // Its idle time begins after the answer's, and is over after it.
                        #expect(try await server.connect().readAll().isEmpty)
                        expectSame(try await client.readAll(), bytes)
                    case .halfClose, .halfCloseBehindTheLast:
                        client.endSending()
                        expectSame(try await client.readAll(), bytes)
                    }
                })
        }
    }
}
