import BerthTestSupport
import Testing

@Suite("The tests' own connections")
struct TestConnectionTests {
    @Test("a server that says nothing has not closed")
    func patience() async throws {
        try await withLiveServer { server in
            let connection = try TestConnection(port: server.port, patience: 1)
            #expect(try await !connection.isClosedByPeer())
            #expect(try await connection.send("GET", "/v2/").status == 200)
        }
    }

    @Test("of an answer as much is read as is asked for, and the rest later")
    func reading() async throws {
        try await withLiveServer { server in
            let connection = try server.connect()
            try await connection.write(Array("GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            #expect(try await connection.read(9) == Array("HTTP/1.1 ".utf8))
            #expect(try await connection.read(6) == Array("200 OK".utf8))
        }
    }
}
