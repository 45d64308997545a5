import HTTPTypes
import NIOCore

/// Decides how an answer is framed, and writes its head. RFC 9112 §6.
struct ResponseHead {
    enum Framing: Equatable {
        /// No body and no length: 1xx, 204 and 304.
        case none
        case length(Int64)
        case chunked
        /// The connection's end is the body's end: for HTTP/1.0 alone.
        case untilClose
    }

    let framing: Framing
    /// Whether body bytes follow the head.
    let hasBody: Bool

    init(_ response: Response, toHead isHead: Bool, version: HTTPVersion) {
        let code = response.status.code
        let length = isHead ? response.headContentLength ?? response.body.length : response.body.length
        if code < 200 || code == 204 || code == 304 {
            framing = .none
        } else if let length {
            framing = .length(length)
        } else {
            framing = version == .http11 ? .chunked : .untilClose
        }
        hasBody = !isHead && framing != .none && framing != .length(0)
    }

    /// Whether the body's end shows without ending the connection.
    var isDelimited: Bool { framing != .untilClose }

    enum Persistence { case keepAlive, oldKeepAlive, close }

    /// Appends the head to `buffer`. False, with the buffer as it was, if a field would break the message.
    /// - Parameter common: fields of every answer, with their line ends, up to the value of `X-Request-Id`.
    func write(
        _ response: Response, id: String, persistence: Persistence, common: ByteBuffer,
        to buffer: inout ByteBuffer
    ) -> Bool {
        let fields = response.headers.list.span
        // The lines that are made here take less than 100 bytes beside what is counted.
        var most = 128 + response.status.reasonPhrase.utf8.count + common.readableBytes + id.utf8.count
        for index in fields.indices { most += HeadLines.size(fields[index].name, fields[index].value) }
        var isSound = true
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { out in
            var lines = HeadLines(out)
            Self.writeStatus(response.status, &lines)
            for index in fields.indices where !Self.isOurs(fields[index].name) {
                isSound = lines.add(fields[index].name, fields[index].value) && isSound
            }
            switch framing {
            case .none, .untilClose: break
            case .length(let length):
                lines.add("Content-Length: ")
                lines.add(decimal: length)
                lines.add("\r\n")
            case .chunked: lines.add("Transfer-Encoding: chunked\r\n")
            }
            switch persistence {
            case .keepAlive: break
            case .oldKeepAlive: lines.add("Connection: keep-alive\r\n")
            case .close: lines.add("Connection: close\r\n")
            }
            common.withUnsafeReadableBytes { lines.add($0) }
            lines.add(text: id)
            lines.add("\r\n\r\n")
            return isSound ? lines.count : 0
        }
        return isSound
    }

    /// The fields of every answer, from the second `date` on.
    static func common(date: String) -> ByteBuffer {
        ByteBuffer(string: "Date: \(date)\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ")
    }

    private static func writeStatus(_ status: HTTPResponse.Status, _ lines: inout HeadLines) {
        switch status.code {
        case 200: lines.add("HTTP/1.1 200 OK\r\n")
        case 206: lines.add("HTTP/1.1 206 Partial Content\r\n")
        case 404: lines.add("HTTP/1.1 404 Not Found\r\n")
        default:
            // The code is within 0...999 and the phrase without line ends: HTTPResponse.Status sees to both.
            lines.add("HTTP/1.1 ")
            lines.add(decimal: Int64(status.code))
            lines.add(" ")
            lines.add(text: status.reasonPhrase)
            lines.add("\r\n")
        }
    }

    /// Fields that this room sets itself.
    private static func isOurs(_ name: HTTPField.Name) -> Bool {
        switch name.canonicalName.utf8.count {
        case 4: name == .date
        case 6: name == .server
        case 10: name == .connection || name.canonicalName == "keep-alive"
        case 12: name == .requestID
        case 14: name == .contentLength
        case 17: name == .transferEncoding
        case 22: name == .xContentTypeOptions
        default: false
        }
    }
}

/// Text, one piece behind the other, in memory that has room for all of it.
private struct HeadLines {
    private let out: UnsafeMutableRawBufferPointer
    /// Bytes written.
    private(set) var count = 0

    init(_ out: UnsafeMutableRawBufferPointer) { self.out = out }

    /// Bytes of a field's line.
    static func size(_ name: HTTPField.Name, _ value: String) -> Int {
        name.rawName.utf8.count + value.utf8.count + 4
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: out[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    mutating func add(_ text: StaticString) { text.withUTF8Buffer { add(UnsafeRawBufferPointer($0)) } }

    mutating func add(text: String) { text.utf8.span.withUnsafeBytes { add($0) } }

    /// A field's line. The one place where text of the handler becomes a header: false for CR, LF and NUL.
    mutating func add(_ name: HTTPField.Name, _ value: String) -> Bool {
        add(text: name.rawName)
        add(": ")
        let start = count
        add(text: value)
        let isSound = UnsafeRawBufferPointer(rebasing: out[start..<count]).isFieldContent
        add("\r\n")
        return isSound
    }

    mutating func add(decimal number: Int64) {
        var rest = UInt64(max(0, number))
        var digits = 1
        var probe = rest
        while probe >= 10 {
            probe /= 10
            digits += 1
        }
        for position in (0..<digits).reversed() {
            out[count + position] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
            rest /= 10
        }
        count += digits
    }
}
