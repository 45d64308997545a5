import BerthDigest
package import BerthModel

/// A manifest as a test made it.
package struct Document: Sendable {
    package let bytes: [UInt8]
    package let type: ManifestType
    package let digest: Digest

    package init(_ text: String, _ type: ManifestType = .ociManifest) throws {
        bytes = Array(text.utf8)
        self.type = type
        digest = try sha256(bytes)
    }

    /// A descriptor of this document, as JSON.
    package var descriptor: String {
        #"{"mediaType":"\#(type.rawValue)","digest":"\#(digest)","size":\#(bytes.count)}"#
    }
}

package func sha256(_ bytes: [UInt8]) throws -> Digest {
    try bytes.withUnsafeBytes { try Digest.of($0, .sha256) }
}

package func sha512(_ bytes: [UInt8]) throws -> Digest {
    try bytes.withUnsafeBytes { try Digest.of($0, .sha512) }
}

extension LiveServer {
    /// Pushes a blob in one request.
    @discardableResult
    package func push(_ content: some Sequence<UInt8>, to repository: String) async throws -> Digest {
        let bytes = Array(content)
        let digest = try sha256(bytes)
        let reply = try await send("POST", "/v2/\(repository)/blobs/uploads/?digest=\(digest)", body: bytes)
        guard reply.status == 201 else { throw TestFailure("push of a blob: \(reply.status) \(reply.text)") }
        return digest
    }

    @discardableResult
    package func push(_ content: String, to repository: String) async throws -> Digest {
        try await push(content.utf8, to: repository)
    }

    /// Pushes a manifest under a tag or its digest.
    @discardableResult
    package func put(
        _ document: Document, to repository: String, as reference: String? = nil, _ headers: [(String, String)] = []
    ) async throws -> Reply {
        try await send(
            "PUT", "/v2/\(repository)/manifests/\(reference ?? document.digest.text)",
            [("Content-Type", document.type.rawValue)] + headers, body: document.bytes)
    }

    /// Pushes an image with one layer of `content`, config and all, under a tag.
    @discardableResult
    package func pushImage(
        _ content: String, to repository: String, as reference: String? = nil, extra: String = ""
    ) async throws -> Document {
        let config = #"{"architecture":"amd64","os":"linux","content":"\#(content)"}"#
        let layer = try await push(content, to: repository)
        let configDigest = try await push(config, to: repository)
        let document = try Document(
            """
            {"schemaVersion":2,"mediaType":"\(ManifestType.ociManifest.rawValue)",\(extra)\
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(configDigest)",\
            "size":\(config.utf8.count)},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",\
            "digest":"\(layer)","size":\(content.utf8.count)}]}
            """)
        let reply = try await put(document, to: repository, as: reference)
        guard reply.status == 201 else { throw TestFailure("push of an image: \(reply.status) \(reply.text)") }
        return document
    }

    /// Starts an upload and answers its location.
    package func startUpload(in repository: String, _ query: String = "") async throws -> String {
        let reply = try await send("POST", "/v2/\(repository)/blobs/uploads/\(query)")
        guard reply.status == 202, let location = reply.header("Location")
        else { throw TestFailure("start of an upload: \(reply.status) \(reply.text)") }
        return location
    }
}
