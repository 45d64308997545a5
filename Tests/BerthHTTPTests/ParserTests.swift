import HTTPTypes
import NIOCore
import Testing

@testable import BerthHTTP
import BerthTestSupport

@Suite("Reading requests from bytes")
struct ParserTests {
    /// Events in words, bodies joined.
    static func events(_ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits()) -> [String] {
        var parser = RequestParser(limits: limits)
        var input = ByteBuffer()
        var result: [String] = []
        var body = ""
        for piece in pieces {
            input.writeBytes(piece)
            while let event = parser.next(&input) {
                switch event {
                case .head(let head):
                    result.append("\(head.method) \(head.target) \(head.headers.list.count)")
                case .body(let bytes): body += String(buffer: bytes)
                case .end:
                    result.append("end[\(body)]")
                    body = ""
                case .problem(let problem): result.append("\(problem)")
                }
            }
        }
        return result
    }

    static let pipelined = """
        PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\
        \r\nPOST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n\
        GET /c?x HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n
        """

    @Test("however the bytes are cut, the events are the same")
    func cuts() {
        let bytes = Array(Self.pipelined.utf8)
        let expected = [
            "PUT /a 2", "end[hello]", "POST /b 2", "end[abc0123456789]", "GET /c?x 2", "end[]",
        ]
        #expect(Self.events([bytes]) == expected)
        #expect(Self.events(bytes.map { [$0] }) == expected)
        for cut in 1..<bytes.count {
            #expect(Self.events([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected)
        }
    }

    @Test("a problem is told once, whatever follows")
    func once() {
        let events = Self.events([
            Array("GET x HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
        ])
        #expect(events.count == 1)
    }

    @Test("changed bytes never stop the process, and cut or whole they mean the same")
    func mutations() {
        var random = SeededNumbers(seed: 1)
        let sound = Array(Self.pipelined.utf8)
        let interesting: [UInt8] = [0, 0x0a, 0x0d, 0x20, 0x3a, 0x2c, 0x30, 0x66, 0x7f, 0x80, 0xff]
        for _ in 0..<1000 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert(interesting.randomElement(using: &random) ?? 0, at: place)
                case 2: bytes.remove(at: place)
                default: bytes[place] = interesting.randomElement(using: &random) ?? 0
                }
            }
            #expect(Self.events([bytes]) == Self.events(bytes.map { [$0] }))
        }
    }

    @Test("limits hold to the byte", arguments: [(8192, true), (8193, false)])
    func requestLine(size: Int, isAccepted: Bool) {
        let frame = "GET / HTTP/1.1\r\n"
        let line = "GET /" + String(repeating: "a", count: size - frame.utf8.count) + " HTTP/1.1\r\n"
        let events = Self.events([Array((line + "Host: h\r\n\r\n").utf8)])
        #expect((events.first == "targetTooLong") == !isAccepted)
    }

    @Test(
        "a head of the largest size is read, one byte more is not",
        arguments: [(32768, true), (32769, false)])
    func head(size: Int, isAccepted: Bool) {
        let (start, end) = ("GET / HTTP/1.1\r\nHost: h\r\nX: ", "\r\n\r\n")
        let text = start + String(repeating: "a", count: size - start.utf8.count - end.utf8.count) + end
        #expect(text.utf8.count == size)
        let events = Self.events([Array(text.utf8)])
        #expect((events.first == "headersTooLarge") == !isAccepted)
    }

    @Test(
        "as many fields as allowed are read, one more is not", arguments: [(100, true), (101, false)])
    func fields(count: Int, isAccepted: Bool) {
        let text =
            "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "X: y\r\n", count: count - 1) + "\r\n"
        #expect((Self.events([Array(text.utf8)]).first == "headersTooLarge") == !isAccepted)
    }

    @Test(
        "an absolute target is reduced to its path and query",
        arguments: [
            ("http://h/a?b", "/a?b"), ("HTTPS://H", "/"), ("http://h?q=/", "/?q=/"), ("/p//q/", "/p//q/"),
        ])
    func target(sent: String, reduced: String) {
        let events = Self.events([Array("GET \(sent) HTTP/1.1\r\nHost: h\r\n\r\n".utf8)])
        #expect(events.first == "GET \(reduced) 1")
    }

    @Test("names are known in any spelling")
    func names() {
        var reader = FieldReader()
        #expect(throws: Never.self) {
            for line in ["Range: a", "range: b", "RANGE: c", "X-Own: d"] {
                try Array(line.utf8).withUnsafeBytes { try reader.read($0) }
            }
        }
        #expect(reader.headers.values(of: .range) == ["a", "b", "c"])
        #expect(reader.headers.list.last?.value == "d")
    }
}
