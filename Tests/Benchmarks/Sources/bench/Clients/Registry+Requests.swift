/// Requests of the distribution API, written without allocation.
extension Connection {
    private func method(_ name: StaticString, _ repository: Bytes, _ rest: StaticString) {
        out.append(name)
        out.append(" /v2/")
        out.append(repository)
        out.append(rest)
    }

    /// Ends the first line and the head of a request whose body has `bytes`; nil: none.
    private func endHead(
        bytes: Int?, type: StaticString? = nil, accept: StaticString? = nil, fields: Bytes
    ) {
        out.append(" HTTP/1.1\r\nHost: localhost\r\n")
        if let bytes {
            out.append("Content-Length: ")
            out.append(bytes)
            out.append("\r\n")
        }
        if let type {
            out.append("Content-Type: ")
            out.append(type)
            out.append("\r\n")
        }
        if let accept {
            out.append("Accept: ")
            out.append(accept)
            out.append("\r\n")
        }
        out.append(fields)
        out.append("\r\n")
    }

    /// `POST …/blobs/uploads/`
    func startUpload(_ target: UploadTarget) {
        begin(Expectation(status: 202))
        method("POST", target.repository, "/blobs/uploads/")
        endHead(bytes: 0, fields: target.fields)
    }

    /// Mounts a blob from another repository.
    func mount(_ target: UploadTarget, _ content: Content, from source: Bytes) {
        begin(Expectation(status: 201))
        method("POST", target.repository, "/blobs/uploads/?mount=sha256:")
        Digests.write(content, to: out.grow(by: 64))
        out.append("&from=")
        out.append(source)
        endHead(bytes: 0, fields: target.fields)
    }

    /// The PUT that ends an upload at `location`, with all of its bytes or none.
    func closeUpload(_ target: UploadTarget, _ content: Content, withBody: Bool) {
        begin(Expectation(status: 201))
        out.append("PUT ")
        if target.isBare {
            out.append("/upload")
        } else {
            appendLocation()
        }
        let hasQuery = !target.isBare && memoryContains(location, 63)
        out.append(hasQuery ? "&digest=sha256:" : "?digest=sha256:")
        Digests.write(content, to: out.grow(by: 64))
        endHead(bytes: withBody ? content.size : 0, type: "application/octet-stream", fields: target.fields)
        if withBody { attach(content) }
    }

    /// A whole blob in one POST.
    func postWhole(_ target: UploadTarget, _ content: Content) {
        begin(Expectation(status: 201))
        method("POST", target.repository, "/blobs/uploads/?digest=sha256:")
        Digests.write(content, to: out.grow(by: 64))
        endHead(bytes: content.size, type: "application/octet-stream", fields: target.fields)
        attach(content)
    }

    /// All bytes in the chunked coding: as a PATCH to an upload, or as a PUT to a server without an API.
    func sendChunks(_ target: UploadTarget, _ content: Content) {
        begin(Expectation(status: target.isBare ? 201 : 202))
        if target.isBare {
            out.append("PUT /upload?digest=sha256:")
            Digests.write(content, to: out.grow(by: 64))
        } else {
            out.append("PATCH ")
            appendLocation()
        }
        out.append(" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n")
        out.append("Content-Type: application/octet-stream\r\n")
        out.append(target.fields)
        out.append("\r\n")
        ChunkedPattern.attach(content, to: self)
    }

    func putManifest(_ target: UploadTarget, _ reference: Bytes, bytes count: Int) {
        begin(Expectation(status: 201))
        method("PUT", target.repository, "/manifests/")
        out.append(reference)
        endHead(bytes: count, type: "application/vnd.oci.image.manifest.v1+json", fields: target.fields)
    }

    /// Pulls what was pushed.
    func readBack(_ target: UploadTarget, _ content: Content) {
        begin(Expectation(length: content.size, body: .content(content, from: 0)))
        if target.isBare {
            out.append("GET /pushed/sha256:")
        } else {
            method("GET", target.repository, "/blobs/sha256:")
        }
        Digests.write(content, to: out.grow(by: 64))
        endHead(bytes: nil, fields: target.fields)
    }

    /// Pulls a manifest that was pushed; `manifest` outlives the request.
    func readBack(_ target: UploadTarget, _ tag: Bytes, _ manifest: Bytes) {
        begin(Expectation(length: manifest.count, body: .bytes(manifest.base, manifest.count)))
        if target.isBare {
            out.append("GET /pushed/sha256:")
            Digests.write(manifest.base, manifest.count, to: out.grow(by: 64))
        } else {
            method("GET", target.repository, "/manifests/")
            out.append(tag)
        }
        endHead(bytes: nil, accept: "application/vnd.oci.image.manifest.v1+json", fields: target.fields)
    }

    /// Any bytes to a server without an API.
    func putBytes(_ bytes: Bytes) {
        begin(Expectation(status: 201))
        out.append("PUT /upload?digest=sha256:")
        Digests.write(bytes.base, bytes.count, to: out.grow(by: 64))
        out.append(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: ")
        out.append(bytes.count)
        out.append("\r\n\r\n")
        out.append(bytes)
    }

    /// Small contents follow the head in one piece; of large ones the pattern is sent again and again.
    func attach(_ content: Content) {
        if content.size <= 20 << 10 {
            content.write(to: out.grow(by: content.size))
        } else {
            repeated = Pattern.base
            repeatedCount = Pattern.bytes
            repeatedLeft = content.prefixBytes
            content.writeTail(to: tail.grow(by: Content.tailBytes))
        }
    }

    /// The path and query of `location`, whether it is absolute or not.
    private func appendLocation() {
        var start = 0
        if location.count > 8, location.base[0] != 47 {
            var slashes = 0
            while start < location.count {
                if location.base[start] == 47 { slashes += 1 }
                if slashes == 3 { break }
                start += 1
            }
        }
        out.append(location.base + start, location.count - start)
    }

    private func memoryContains(_ bytes: Bytes, _ byte: UInt8) -> Bool {
        UnsafeBufferPointer(start: bytes.base, count: bytes.count).contains(byte)
    }
}

/// Where one connection pushes to.
struct UploadTarget {
    let repository: Bytes
    /// Further lines of each head, as for credentials, each with its end.
    let fields: Bytes
    /// A server without an API takes a single PUT for each blob.
    let isBare: Bool

    init(repository: String, fields: String = "", isBare: Bool) {
        self.repository = Bytes(text: repository)
        self.fields = Bytes(text: fields)
        self.isBare = isBare
    }

    func free() {
        repository.free()
        fields.free()
    }
}

/// The pattern in the chunked coding as Docker sends it, in chunks of 32 KiB, ready to be repeated.
enum ChunkedPattern {
    static let chunkBytes = 32 << 10
    private static let framed = "8000\r\n".utf8.count + chunkBytes + 2

    /// Filled before the `static let` is there for anybody, which Swift orders; only read afterwards.
    nonisolated(unsafe) private static let bytes: Bytes = {
        var bytes = Bytes(capacity: Pattern.bytes / chunkBytes * framed)
        for start in stride(from: 0, to: Pattern.bytes, by: chunkBytes) {
            bytes.append("8000\r\n")
            bytes.append(Pattern.base + start, chunkBytes)
            bytes.append("\r\n")
        }
        return bytes
    }()

    /// Attaches a content whose size is a multiple of `chunkBytes`.
    static func attach(_ content: Content, to connection: Connection) {
        precondition(content.size % chunkBytes == 0)
        let chunks = content.size / chunkBytes
        connection.repeated = UnsafePointer(bytes.base)
        connection.repeatedCount = bytes.count
        connection.repeatedLeft = (chunks - 1) * framed
        let lastStart = (content.size - chunkBytes) % Pattern.bytes
        connection.tail.append("8000\r\n")
        connection.tail.append(Pattern.base + lastStart, chunkBytes - Content.tailBytes)
        content.writeTail(to: connection.tail.grow(by: Content.tailBytes))
        connection.tail.append("\r\n0\r\n\r\n")
    }
}
