import BerthHTTP
import HTTPTypes
import NIOCore
import Testing

extension LiveTests {
    @Suite("Requests that break the rules, and requests that only look like it")
    struct FramingTests {
        /// A raw request, the status of its one answer, and whether the connection goes on after it.
        struct Case: Sendable, CustomTestStringConvertible {
            let raw: String
            let status: Int
            let goesOn: Bool
            var testDescription: String { raw.debugDescription.prefix(70) + " -> \(status)" }

            init(_ raw: String, _ status: Int, goesOn: Bool = false) {
                (self.raw, self.status, self.goesOn) = (raw, status, goesOn)
            }
        }

        static let h = "Host: a\r\n"

        static let sound = [
            Case("GET / HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("GET /a?b=c&d HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("GET / HTTP/1.1\r\nhOST:a\r\n\r\n", 200, goesOn: true),
            Case("GET / HTTP/1.1\r\nHost:\t a \t\r\n\r\n", 200, goesOn: true),
            Case("GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, goesOn: true),
            Case("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, goesOn: true),
            Case("GET / HTTP/1.1\r\n\(h)X: \u{e9}\r\n\r\n", 200, goesOn: true),
            Case("GET / HTTP/1.1\r\n\(h)X:\r\n\r\n", 200, goesOn: true),
            Case("GET http://a/ HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("GET HTTP://A/x HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("GET https://a HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("GET http://a?q HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("OPTIONS * HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("BREW /pot HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("TRACE / HTTP/1.1\r\n\(h)\r\n", 200, goesOn: true),
            Case("CONNECT a:443 HTTP/1.1\r\n\(h)\r\n", 200),
            Case("GET / HTTP/1.1\r\n\(h)Connection: close\r\n\r\n", 200),
            Case("GET / HTTP/1.1\r\n\(h)Connection: x, Close\r\n\r\n", 200),
            Case("GET / HTTP/1.0\r\n\r\n", 200),
            Case("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, goesOn: true),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 3\r\n\r\nabc", 200, goesOn: true),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 0\r\n\r\n", 200, goesOn: true),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 003\r\n\r\nabc", 200, goesOn: true),
            Case(
                "POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200,
                goesOn: true),
            Case(
                "POST / HTTP/1.1\r\n\(h)Transfer-Encoding: CHUNKED\r\n\r\n00a\r\n0123456789\r\n000\r\n\r\n",
                200, goesOn: true),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, goesOn: true),
            Case("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", 200),
            Case("GET / HTTP/1.1\r\n\(h)Expect: 100-continue\r\n\r\n", 200, goesOn: true),
        ]

        static let broken = [
            // Lengths
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 3, 3\r\n\r\nabc", 400),
            Case(
                "POST / HTTP/1.1\r\n\(h)Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400),
            Case(
                "POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: -1\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: +3\r\n\r\nabc", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 0x3\r\n\r\nabc", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 3 3\r\n\r\nabc", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length:\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 9223372036854775808\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Content-Length: 99999999999999999999\r\n\r\n", 400),
            // Codings
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: gzip\r\n\r\n", 501),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked, chunked\r\n\r\n", 501),
            Case(
                "POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                501),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: xchunked\r\n\r\n", 501),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked;q=1\r\n\r\n", 501),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: identity\r\n\r\n", 501),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding:\r\n\r\n", 501),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: \u{b}chunked\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
            Case("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            // Chunks
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n 1\r\na\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n1\na\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na", 400),
            Case("POST / HTTP/1.1\r\n\(h)Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na", 400),
            // Lines
            Case("GET / HTTP/1.1\nHost: a\n\n", 400),
            Case("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
            Case("GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X: a\r\n b\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X: a\r\n\tb\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X : a\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h): a\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X(: a\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X: a\u{0}b\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X: a\u{1}b\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X: a\u{7f}b\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X: a\rb\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\n\(h)X\u{e9}: a\r\n\r\n", 400),
            // Hosts
            Case("GET / HTTP/1.1\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            Case("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
            Case("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
            // Targets
            Case("GET a HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET * HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET http://b/ HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET http://u@a/ HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET http:///x HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET ftp://a/ HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET /a#b HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET /a\u{0}b HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET /a\u{e9} HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET /a b HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET  / HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET /  HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET\t/ HTTP/1.1\r\n\(h)\r\n", 400),
            // Request lines and versions
            Case("GET /\r\n\r\n", 400),
            Case("GET\r\n\r\n", 400),
            Case("\r\nGET / HTTP/1.1\r\n\(h)\r\n", 400),
            Case(" GET / HTTP/1.1\r\n\(h)\r\n", 400),
            Case("G(T / HTTP/1.1\r\n\(h)\r\n", 400),
            Case("GET / http/1.1\r\n\(h)\r\n", 400),
            Case("GET / HTTP/1.11\r\n\(h)\r\n", 400),
            Case("GET / HTTP/x.1\r\n\(h)\r\n", 400),
            Case("GET / HTTP/1.2\r\n\(h)\r\n", 505),
            Case("GET / HTTP/0.9\r\n\(h)\r\n", 505),
            Case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            Case("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n\r\n", 400),
            // Limits
            Case("GET /\(String(repeating: "a", count: 8200)) HTTP/1.1\r\n\(h)\r\n", 414),
            Case("GET /\(String(repeating: "a", count: 20_000))", 414),
            Case("GET / HTTP/1.1\r\n\(h)X: \(String(repeating: "a", count: 33_000))\r\n\r\n", 431),
            Case("GET / HTTP/1.1\r\n\(h)\(String(repeating: "X: a\r\n", count: 100))\r\n", 431),
            Case(
                "GET / HTTP/1.1\r\n\(h)\(String(repeating: "X: aaaaaaaaaaaaaaaaaaa\r\n", count: 5_000))\r\n",
                431),
            // Expectations
            Case("POST / HTTP/1.1\r\n\(h)Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417),
            Case("POST / HTTP/1.1\r\n\(h)Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\na", 417),
            Case("GET / HTTP/1.1\r\n\(h)Expect: 100-continue\r\nExpect: x\r\n\r\n", 417),
        ]

        @Test(
            "each gets its one answer, and the connection goes on or ends as it must",
            arguments: sound + broken)
        func corpus(_ example: Case) async throws {
            try await withServer(
                route: { request in
                    .task {
                        do {
                            return .text("\(try await request.body.collect(upTo: 1 << 20).readableBytes)")
                        } catch {
                            return .text("\(error)", status: .internalServerError)
                        }
                    }
                },
                body: { server in
                    let client = try await server.connect()
                    // A server that has refused may have gone before all was sent.
                    try? await client.send(example.raw)
                    let reply = try await client.readReply()
                    #expect(reply.status == example.status, "\(reply.text)")
                    #expect(reply.field("X-Content-Type-Options") == "nosniff")
                    #expect(reply.field("Date") != nil)
                    #expect(reply.field("X-Request-Id") != nil)
                    #expect(reply.field("Server") == nil)
                    if example.goesOn {
                        try await client.send("GET /again HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                        #expect(try await client.readReply().status == 200)
                    } else {
                        #expect(reply.field("Connection") == "close")
                    }
                    #expect(try await client.readAll().isEmpty)
                })
        }

        @Test(
            "a body that hides a request is never read as one",
            arguments: [
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\n\r\na\r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 0\r\n\r\n",
            ])
        func smuggling(_ prefix: String) async throws {
            try await withServer(
                route: { _ in .answer(.text("seen")) },
                body: { server in
                    let client = try await server.connect()
                    try await client.send(prefix + "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n")
                    let answers = String(decoding: try await client.readAll(), as: UTF8.self)
                    #expect(answers.components(of: "HTTP/1.1 ") == 1)
                })
        }

        @Test("an empty line after a request is forgiven once")
        func emptyLine() async throws {
            try await withServer(
                route: { _ in .answer(.text("ok")) },
                body: { server in
                    let client = try await server.connect()
                    for _ in 0..<3 {
                        try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na\r\n")
                        #expect(try await client.readReply().status == 200)
                    }
                })
        }
    }
}

extension String {
    /// How often `part` occurs.
    func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
