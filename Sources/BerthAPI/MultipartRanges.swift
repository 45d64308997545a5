import BerthBlobs
import BerthHTTP
import NIOCore

/// The body of an answer to several ranges: `multipart/byteranges`. RFC 9110, section 14.6.
enum MultipartRanges {
    /// Letters and digits, so that it needs no quotes: one client does not understand them.
    static func boundary() -> String {
        "berth" + String(UInt64.random(in: .min ... .max), radix: 36)
            + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    static func parts(of content: BlobContent, _ ranges: [Range<Int64>], boundary: String) -> [Response.Part] {
        let size = content.size
        var parts = ranges.enumerated().map { index, range in
            let head =
                (index == 0 ? "" : "\r\n")
                + "--\(boundary)\r\nContent-Type: application/octet-stream\r\n"
                + "Content-Range: \(range.contentRange(of: size))\r\n\r\n"
            return part(head, content, range)
        }
        parts.append(Response.Part(bytes: ByteBuffer(string: "\r\n--\(boundary)--\r\n")))
        return parts
    }

    private static func part(_ head: String, _ content: BlobContent, _ range: Range<Int64>) -> Response.Part {
        var bytes = ByteBuffer(string: head)
        switch content.body(range) {
        case .file(let file): return Response.Part(bytes: bytes, file: file)
        case .bytes(let slice): bytes.writeImmutableBuffer(slice)
        case .empty, .parts, .stream: break
        }
        return Response.Part(bytes: bytes)
    }
}
