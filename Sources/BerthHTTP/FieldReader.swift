import HTTPTypes

/// Reads header lines one by one and remembers what the framing depends on. RFC 9112 §5 and §6.
struct FieldReader {
    private(set) var headers = HeaderFields(capacity: 12)
    /// Value of `Host`; empty if there was none.
    private(set) var host = ""
    private(set) var hosts = 0
    private(set) var asksClose = false
    private(set) var asksKeepAlive = false
    private(set) var expectation = RequestHead.Expectation.none
    private var length: Int64?
    private var codings = 0
    private var isChunked = false

    mutating func read(_ line: UnsafeRawBufferPointer) throws(HTTPProblem) {
        guard let first = line.first, first != 0x20, first != 0x09 else {
            throw .badRequest("a folded header line")
        }
        guard let colon = line.offset(of: UInt8(ascii: ":")) else {
            throw .badRequest("a header without colon")
        }
        guard let known = FieldNames.find(line.part(0..<colon)) else { throw .badRequest("bad header name") }
        let value = UnsafeRawBufferPointer(rebasing: line[(colon + 1)...].trimmed)
        guard value.isFieldContent else { throw .badRequest("control character in a header") }
        let text = String(decoding: value, as: UTF8.self)
        try note(known.role, value, text)
        headers.append(known.name, text)
    }

    private mutating func note(_ role: FieldNames.Role, _ value: UnsafeRawBufferPointer, _ text: String)
        throws(HTTPProblem)
    {
        switch role {
        case .host:
            hosts += 1
            guard hosts == 1 else { throw .badRequest("more than one Host") }
            guard value.allSatisfy(\.isAuthority) else { throw .badRequest("bad Host") }
            host = text
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
        case .other: break
        }
    }

    private static func decimal(_ value: UnsafeRawBufferPointer) throws(HTTPProblem) -> Int64 {
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
