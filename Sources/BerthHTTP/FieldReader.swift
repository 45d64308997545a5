import HTTPTypes

/// Reads header lines one by one and remembers what the framing depends on. RFC 9112 §5 and §6.
struct FieldReader {
    private(set) var headers = HTTPFields()
    /// Value of `Host`; empty if there was none.
    private(set) var host = ""
    private(set) var hosts = 0
    private(set) var asksClose = false
    private(set) var asksKeepAlive = false
    private(set) var expectation = RequestHead.Expectation.none
    private var length: Int64?
    private var codings = 0
    private var isChunked = false

    init() { headers.reserveCapacity(12) }

    mutating func read(_ line: Slice<UnsafeRawBufferPointer>) throws(HTTPProblem) {
        guard let first = line.first, first != 0x20, first != 0x09 else {
            throw .badRequest("a folded header line")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw .badRequest("a header without colon")
        }
        let rawName = line[line.startIndex..<colon]
        guard !rawName.isEmpty, rawName.allSatisfy(\.isToken) else {
            throw .badRequest("bad header name")
        }
        let value = line[(colon + 1)...].trimmed
        guard value.allSatisfy(\.isFieldContent) else {
            throw .badRequest("control character in a header")
        }
        guard let name = FieldNames.name(rawName) else { throw .badRequest("bad header name") }
        try note(name, value)
        // Other bytes are kept as they are; ASCII is a String at once.
        headers.append(
            value.allSatisfy { $0 < 0x80 }
                ? HTTPField(name: name, value: String(decoding: value, as: UTF8.self))
                : HTTPField(name: name, value: value))
    }

    private mutating func note(_ name: HTTPField.Name, _ value: Slice<UnsafeRawBufferPointer>)
        throws(HTTPProblem)
    {
        switch name {
        case .hostHeader:
            hosts += 1
            guard hosts == 1 else { throw .badRequest("more than one Host") }
            guard value.allSatisfy(\.isAuthority) else { throw .badRequest("bad Host") }
            host = String(decoding: value, as: UTF8.self)
        case .contentLength:
            guard length == nil else { throw .badRequest("more than one Content-Length") }
            length = try Self.decimal(value)
        case .transferEncoding:
            codings += 1
            isChunked = value.isCaseInsensitively("chunked")
        case .connection:
            for option in value.commaSeparated {
                if option.isCaseInsensitively("close") { asksClose = true }
                if option.isCaseInsensitively("keep-alive") { asksKeepAlive = true }
            }
        case .expect:
            let isKnown = value.isCaseInsensitively("100-continue") && expectation != .unknown
            expectation = isKnown ? .continue : .unknown
        default: break
        }
    }

    private static func decimal(_ value: Slice<UnsafeRawBufferPointer>) throws(HTTPProblem) -> Int64 {
        guard !value.isEmpty, value.count <= 19, value.allSatisfy(\.isASCIIDigit) else {
            throw .badRequest("bad Content-Length")
        }
        var result: Int64 = 0
        for digit in value {
            let (tens, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int64(digit - 0x30))
            guard !overflow, !carry else { throw .badRequest("bad Content-Length") }
            result = sum
        }
        return result
    }

    /// A request that could be read in two ways is refused rather than repaired: RFC 9112 §6.3.
    func framing(in version: HTTPVersion) throws(HTTPProblem) -> RequestHead.Framing {
        guard codings > 0 else {
            guard let length, length > 0 else { return length == nil ? .none : .length(0) }
            return .length(length)
        }
        guard length == nil else { throw .badRequest("Content-Length and Transfer-Encoding") }
        guard version == .http11 else { throw .badRequest("Transfer-Encoding in HTTP/1.0") }
        guard codings == 1, isChunked else { throw .unsupportedTransferEncoding }
        return .chunked
    }
}

/// Names that clients send, made once: a lookup costs less than checking and lowering a name each time.
enum FieldNames {
    static func name(_ bytes: Slice<UnsafeRawBufferPointer>) -> HTTPField.Name? {
        if bytes.count < bySize.count {
            for known in bySize[bytes.count] where known.bytes.elementsEqual(bytes) { return known.name }
        }
        return HTTPField.Name(String(decoding: bytes, as: UTF8.self))
    }

    private struct Known {
        let bytes: [UInt8]
        let name: HTTPField.Name
    }

    private static let bySize: [[Known]] = {
        let texts = [
            "Host", "Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Length",
            "Content-Type",
            "Content-Range", "Expect", "If-Match", "If-None-Match", "If-Range", "Range",
            "Transfer-Encoding",
            "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id",
            "Docker-Distribution-Api-Version",
        ]
        let spellings = texts + texts.map { $0.lowercased() }
        var result = [[Known]](repeating: [], count: 32)
        for text in spellings where text.utf8.count < result.count {
            guard let name = HTTPField.Name(text) else { continue }
            result[text.utf8.count].append(Known(bytes: Array(text.utf8), name: name))
        }
        return result
    }()
}
