import BerthTestSupport
import Foundation

/// A client that changes things in one repository, and has `facts` note what it was told.
struct Pusher: Sendable {
    let repository: String
    let connection: TestConnection
    let facts: Facts

    private var base: String { "/v2/\(repository)" }

    func pushBlob(_ bytes: [UInt8]) async throws -> Reply {
        let digest = digestText(bytes)
        return try await facts.change([(.blob(repository: repository, digest: digest), "here")], accepted: 201) {
            try await connection.send("POST", "\(base)/blobs/uploads/?digest=\(digest)", body: bytes)
        }
    }

    /// An upload in pieces, with or without its end. Answers the first refusal, or the last answer.
    func pushPieces(_ pieces: [[UInt8]], closes: Bool) async throws -> Reply {
        var reply = try await connection.send("POST", "\(base)/blobs/uploads/", body: [])
        guard reply.status == 202, var location = reply.header("Location") else { return reply }
        let id = location
        var upload = Facts.OpenUpload(repository: repository, location: location, acknowledged: [], sent: [])
        for piece in pieces {
            upload.sent = piece
            // An upload of which nothing was acknowledged may have left nothing.
            if !upload.acknowledged.isEmpty { facts.setUpload(id, upload) }
            reply = try await connection.send("PATCH", location, body: piece)
            guard reply.status == 202 else {
                facts.setUpload(id, nil)
                return reply
            }
            location = reply.header("Location") ?? location
            upload.acknowledged += piece
            (upload.sent, upload.location) = ([], location)
            facts.setUpload(id, upload)
            facts.countAcknowledgement()
        }
        guard closes else { return reply }
        upload.isClosing = true
        facts.setUpload(id, upload)
        let digest = digestText(upload.acknowledged)
        reply = try await facts.change([(.blob(repository: repository, digest: digest), "here")], accepted: 201) {
            try await connection.send("PUT", "\(location)?digest=\(digest)", body: [])
        }
        facts.setUpload(id, nil)
        return reply
    }

    /// A manifest of blobs that are there.
    static func manifest(config: [UInt8], layers: [[UInt8]], note: String = "") -> [UInt8] {
        func descriptor(_ bytes: [UInt8], _ type: String) -> String {
            #"{"mediaType":"\#(type)","digest":"\#(digestText(bytes))","size":\#(bytes.count)}"#
        }
        let type = "application/vnd.oci.image.manifest.v1+json"
        let config = descriptor(config, "application/vnd.oci.image.config.v1+json")
        let list = layers.map { descriptor($0, "application/vnd.oci.image.layer.v1.tar") }.joined(separator: ",")
        return Array(
            """
            {"schemaVersion":2,"mediaType":"\(type)","config":\(config),
            "layers":[\(list)],"annotations":{"note":"\(note)"}}
            """.utf8)
    }

    func pushManifest(_ bytes: [UInt8], tag: String) async throws -> Reply {
        let digest = digestText(bytes)
        return try await facts.change(
            [
                (.manifest(repository: repository, digest: digest), "here"),
                (.tag(repository: repository, name: tag), digest),
            ],
            accepted: 201
        ) {
            try await connection.send(
                "PUT", "\(base)/manifests/\(tag)",
                [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: bytes)
        }
    }

    func deleteTag(_ tag: String) async throws -> Reply {
        try await facts.change([(.tag(repository: repository, name: tag), nil)], accepted: 202) {
            try await connection.send("DELETE", "\(base)/manifests/\(tag)")
        }
    }

    func deleteManifest(_ digest: String) async throws -> Reply {
        let tags = facts.tags(of: digest, in: repository).map { ($0, String?.none) }
        return try await facts.change(
            [(.manifest(repository: repository, digest: digest), nil)] + tags, accepted: 202
        ) {
            try await connection.send("DELETE", "\(base)/manifests/\(digest)")
        }
    }

    func deleteBlob(_ digest: String) async throws -> Reply {
        try await facts.change([(.blob(repository: repository, digest: digest), nil)], accepted: 202) {
            try await connection.send("DELETE", "\(base)/blobs/\(digest)")
        }
    }
}
