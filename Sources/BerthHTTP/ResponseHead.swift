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
        let start = buffer.writerIndex
        Self.writeStatus(response.status, &buffer)
        for field in response.headers.list where !Self.isOurs(field.name) {
            guard Self.write(field, &buffer) else {
                buffer.moveWriterIndex(to: start)
                return false
            }
        }
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            buffer.writeStaticString("Content-Length: ")
            Self.writeDecimal(length, &buffer)
            buffer.writeStaticString("\r\n")
        case .chunked: buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        switch persistence {
        case .keepAlive: break
        case .oldKeepAlive: buffer.writeStaticString("Connection: keep-alive\r\n")
        case .close: buffer.writeStaticString("Connection: close\r\n")
        }
        buffer.writeImmutableBuffer(common)
        buffer.writeString(id)
        buffer.writeStaticString("\r\n\r\n")
        return true
    }

    /// The fields of every answer, from the second `date` on.
    static func common(date: String) -> ByteBuffer {
        ByteBuffer(string: "Date: \(date)\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ")
    }

    private static func writeStatus(_ status: HTTPResponse.Status, _ buffer: inout ByteBuffer) {
        switch status.code {
        case 200: buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
        case 206: buffer.writeStaticString("HTTP/1.1 206 Partial Content\r\n")
        case 404: buffer.writeStaticString("HTTP/1.1 404 Not Found\r\n")
        default:
            // The code is within 0...999 and the phrase without line ends: HTTPResponse.Status sees to both.
            buffer.writeStaticString("HTTP/1.1 ")
            writeDecimal(Int64(status.code), &buffer)
            buffer.writeStaticString(" ")
            buffer.writeString(status.reasonPhrase)
            buffer.writeStaticString("\r\n")
        }
    }

    /// The one place where text of the handler becomes a header: CR, LF and NUL end here.
    private static func write(_ field: HeaderFields.Field, _ buffer: inout ByteBuffer) -> Bool {
        let (name, value) = (field.name.rawName.utf8, field.value.utf8)
        let count = name.count + value.count + 4
        var isSound = false
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { out in
            out.copyBytes(from: name)
            out[name.count] = UInt8(ascii: ":")
            out[name.count + 1] = UInt8(ascii: " ")
            let written = UnsafeMutableRawBufferPointer(rebasing: out[(name.count + 2)..<(count - 2)])
            written.copyBytes(from: value)
            isSound = written.allSatisfy(\.isFieldContent)
            out[count - 2] = UInt8(ascii: "\r")
            out[count - 1] = UInt8(ascii: "\n")
            return count
        }
        return isSound
    }

    private static func writeDecimal(_ number: Int64, _ buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { bytes in
            var rest = UInt64(max(0, number))
            var count = 1
            var probe = rest
            while probe >= 10 {
                probe /= 10
                count += 1
            }
            for position in (0..<count).reversed() {
                bytes[position] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
                rest /= 10
            }
            return count
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
