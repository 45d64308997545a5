import HTTPTypes

/// A request's head, read and checked.
struct RequestHead {
    /// How many bytes follow, and how they are framed. RFC 9112 §6.
    enum Framing: Equatable {
        case none
        case length(Int64)
        case chunked
    }

    var method: HTTPRequest.Method
    /// Path and query; the authority of an absolute form is gone.
    var target: String
    var version: HTTPVersion
    var headers: HeaderFields
    var framing: Framing
    /// Whether the client lets the connection live on. RFC 9112 §9.3.
    var keepsAlive: Bool
    var expectation: Expectation

    enum Expectation: Equatable {
        case none
        /// RFC 9110 §10.1.1: the client waits for `100 Continue` before it sends its body.
        case `continue`
        case unknown
    }

    /// `bytes` is a whole head as `HeadScanner` finds it: lines that end with CRLF, the last one empty.
    init(_ bytes: UnsafeRawBufferPointer) throws(HTTPProblem) {
        var lines = HeadLines(bytes)
        guard let first = lines.next() else { throw .badRequest("no request line") }
        let line = try RequestLine(first)
        var fields = FieldReader()
        while let line = lines.next() { try fields.read(line) }

        if line.version == .http11, fields.hosts == 0 { throw .badRequest("no Host") }
        self.method = line.method
        self.version = line.version
        self.headers = fields.headers
        self.target = try RequestTarget.reduce(line.target, method: line.method, host: fields.host)
        self.framing = try fields.framing(in: line.version)
        if line.method == .connect { self.framing = .none }
        // After CONNECT nothing is a request any more (RFC 9110 §9.3.6).
        self.keepsAlive =
            line.method != .connect
            && (line.version == .http11 ? !fields.asksClose : fields.asksKeepAlive && !fields.asksClose)
        // RFC 9110 §10.1.1: from HTTP/1.0, and without a body, the expectation means nothing.
        if line.version == .http10 {
            self.expectation = .none
        } else if fields.expectation == .continue, framing == .none || framing == .length(0) {
            self.expectation = .none
        } else {
            self.expectation = fields.expectation
        }
    }
}

/// The lines of a head without their CRLF, up to the empty one.
private struct HeadLines {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func next() -> UnsafeRawBufferPointer? {
        guard let lineFeed = bytes.offset(of: 0x0a, from: position), lineFeed > position else { return nil }
        let line = bytes.part(position..<(lineFeed - 1))
        position = lineFeed + 1
        return line.isEmpty ? nil : line
    }
}

/// `method SP target SP version`, each separated by exactly one space. RFC 9112 §3.
struct RequestLine {
    let method: HTTPRequest.Method
    let target: UnsafeRawBufferPointer
    let version: HTTPVersion

    init(_ line: UnsafeRawBufferPointer) throws(HTTPProblem) {
        guard let first = line.offset(of: 0x20), let last = line.lastIndex(of: 0x20), first < last else {
            throw .badRequest("the request line is not method, target and version")
        }
        let method = line.part(0..<first)
        guard let known = Self.method(method) else { throw .badRequest("bad method") }
        self.method = known
        self.target = line.part((first + 1)..<last)
        self.version = try Self.version(line.part((last + 1)..<line.count))
    }

    private static func method(_ bytes: UnsafeRawBufferPointer) -> HTTPRequest.Method? {
        switch bytes.count {
        case 3 where bytes.elementsEqual("GET".utf8): .get
        case 3 where bytes.elementsEqual("PUT".utf8): .put
        case 4 where bytes.elementsEqual("HEAD".utf8): .head
        case 4 where bytes.elementsEqual("POST".utf8): .post
        case 5 where bytes.elementsEqual("PATCH".utf8): .patch
        default:
            bytes.allSatisfy(\.isToken) ? HTTPRequest.Method(String(decoding: bytes, as: UTF8.self)) : nil
        }
    }

    private static func version(_ bytes: UnsafeRawBufferPointer) throws(HTTPProblem) -> HTTPVersion {
        if bytes.elementsEqual("HTTP/1.1".utf8) { return .http11 }
        if bytes.elementsEqual("HTTP/1.0".utf8) { return .http10 }
        guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), bytes[5].isASCIIDigit,
            bytes[6] == UInt8(ascii: "."), bytes[7].isASCIIDigit
        else { throw .badRequest("bad version") }
        throw .unsupportedVersion
    }
}
