import BerthBlobs
import BerthCatalog
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes
import NIOCore

/// `GET` and `HEAD /v2/<name>/blobs/<digest>`: 200 whole, 206 a range or several, 304, 416. Distribution
/// specification, "Pulling blobs"; RFC 9110, sections 13 and 14.
struct GetBlob: Endpoint {
    let repository: RepositoryName
    let digest: String

    func answerNow(_ call: Call) throws(Refusal) -> Response? {
        let digest = try parsedDigest()
        let promise = call.promise(digest, in: repository)
        let content: BlobContent?
        do { content = try call.registry.cachedBlob(digest, in: repository) } catch {
            if let promise { call.registry.withdraw(promise) }
            throw Refusal(error)
        }
        if let content { return try response(digest, content, call.request) }
        if let promise { call.registry.withdraw(promise) }
        return nil
    }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let digest = try parsedDigest()
        let promise = call.promise(digest, in: repository)
        let content: BlobContent
        let isRead = call.request.method == .get
        do { content = try await call.registry.openBlob(digest, in: repository, isRead: isRead) } catch {
            if let promise { call.registry.withdraw(promise) }
            throw Refusal(error)
        }
        return try response(digest, content, call.request)
    }

    private func parsedDigest() throws(Refusal) -> Digest {
        do { return try Digest(digest) } catch { throw .digest(error) }
    }

    private func response(_ digest: Digest, _ content: BlobContent, _ request: Request) throws(Refusal) -> Response {
        var headers = HeaderFields.immutable(digest)
        headers[.acceptRanges] = "bytes"
        if EntityTags.names(digest, request.field(.ifNoneMatch)) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/octet-stream"
        let size = content.size
        switch ranges(digest, size, request) {
        case .whole:
            return Response(status: .ok, headers: headers, body: content.body(0..<size))
        case .one(let range):
            headers[.contentRange] = range.contentRange(of: size)
            return Response(status: .partialContent, headers: headers, body: content.body(range))
        case .several(let ranges):
            let boundary = MultipartRanges.boundary()
            headers[.contentType] = "multipart/byteranges; boundary=\(boundary)"
            return Response(
                status: .partialContent, headers: headers,
                body: .parts(MultipartRanges.parts(of: content, ranges, boundary: boundary)))
        case .none:
            throw Refusal(.rangeNotSatisfiable, .sizeInvalid, "The blob has \(size) bytes; the range lies beyond.")
                .with(.contentRange, "bytes */\(size)")
        }
    }

    /// HEAD ignores `Range`, and so does a GET whose `If-Range` is not this content.
    private func ranges(_ digest: Digest, _ size: Int64, _ request: Request) -> ByteRanges {
        guard request.method == .get else { return .whole }
        if let condition = request.field(.ifRange), condition != EntityTags.tag(of: digest) { return .whole }
        return ByteRanges(header: request.field(.range), size: size)
    }
}

extension HeaderFields {
    /// What goes with content that never changes under its digest.
    static func immutable(_ digest: Digest) -> HeaderFields {
        var fields = HeaderFields(capacity: 8)
        fields.append(.contentDigest, digest.text)
        fields.append(.eTag, EntityTags.tag(of: digest))
        fields.append(.cacheControl, "private, max-age=31536000, immutable")
        return fields
    }
}

extension Range<Int64> {
    func contentRange(of size: Int64) -> String { "bytes \(lowerBound)-\(upperBound - 1)/\(size)" }
}

extension BlobContent {
    /// The bytes of `range` as a response sends them: a file leaves by way of the kernel, without being read.
    func body(_ range: Range<Int64>) -> Response.Body {
        switch self {
        case .file(let file):
            .file(
                Response.FileRange(
                    owner: file, descriptor: file.descriptor, offset: range.lowerBound, length: Int64(range.count)))
        case .bytes(let buffer): .bytes(buffer.slice(range))
        }
    }
}

extension ByteBuffer {
    /// `range` of the readable bytes, sharing their storage.
    fileprivate func slice(_ range: Range<Int64>) -> ByteBuffer {
        getSlice(at: readerIndex + Int(range.lowerBound), length: range.count) ?? ByteBuffer()
    }
}
