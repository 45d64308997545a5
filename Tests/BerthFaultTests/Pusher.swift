import BerthTestSupport
import Foundation

/// A client that changes things in one repository, and has `facts` note what it was told.
struct Pusher: Sendable {
    let repository: String
    let connection: TestConnection
    let facts: Facts

    private var base: String { "/v2/\(repository)" }

    /// Where an administrator tells of repositories, the first thing in one makes it.
    private func with(_ changes: [(Facts.Key, String?)]) -> [(Facts.Key, String?)] {
        facts.collecting == nil ? changes : changes + [(.repository(repository), "here")]
    }
    private func blob(_ digest: String) -> Facts.Key { .blob(repository: repository, digest: digest) }
    private func manifest(_ digest: String) -> Facts.Key { .manifest(repository: repository, digest: digest) }

    func pushBlob(_ bytes: [UInt8]) async throws -> Reply {
        let digest = digestText(bytes)
        return try await facts.change(with([(blob(digest), "here")]), accepted: 201) {
            try await connection.send("POST", "\(base)/blobs/uploads/?digest=\(digest)", body: bytes)
        }
    }

    /// Whether a blob is here: then it stays for a lease.
    func hasBlob(_ digest: String) async throws -> Bool {
        let sent = ContinuousClock.now
        let reply = try await connection.send("HEAD", "\(base)/blobs/\(digest)")
        if reply.status == 200 { facts.wasFound(blob(digest), sent) }
        return reply.status == 200
    }

    /// 201, or 202 where it has to be uploaded.
    func mountBlob(_ digest: String, from source: String) async throws -> Reply {
        try await facts.change(with([(blob(digest), "here")]), accepted: 201) {
            try await connection.send("POST", "\(base)/blobs/uploads/?mount=\(digest)&from=\(source)", body: [])
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
        reply = try await facts.change(with([(blob(digest), "here")]), accepted: 201) {
            try await connection.send("PUT", "\(location)?digest=\(digest)", body: [])
        }
        facts.setUpload(id, nil)
        return reply
    }

    private static func descriptor(_ bytes: [UInt8], _ type: String) -> String {
        #"{"mediaType":"\#(type)","digest":"\#(digestText(bytes))","size":\#(bytes.count)}"#
    }

    /// A manifest of blobs that are there. `subject`: the manifest that it refers to.
    static func manifest(
        config: [UInt8], layers: [[UInt8]], note: String = "", subject: [UInt8]? = nil
    ) -> [UInt8] {
        let config = descriptor(config, "application/vnd.oci.image.config.v1+json")
        let list = layers.map { descriptor($0, "application/vnd.oci.image.layer.v1.tar") }.joined(separator: ",")
        let subject = subject.map { #""subject":\#(descriptor($0, image)),"# } ?? ""
        return Array(
            """
            {"schemaVersion":2,"mediaType":"\(image)","config":\(config),\(subject)
            "layers":[\(list)],"annotations":{"note":"\(note)"}}
            """.utf8)
    }

    /// An index of manifests that are there.
    static func index(_ manifests: [[UInt8]], note: String = "") -> [UInt8] {
        let list = manifests.map { descriptor($0, image) }.joined(separator: ",")
        return Array(
            """
            {"schemaVersion":2,"mediaType":"\(indexType)","manifests":[\(list)],
            "annotations":{"note":"\(note)"}}
            """.utf8)
    }

    static let image = "application/vnd.oci.image.manifest.v1+json"
    static let indexType = "application/vnd.oci.image.index.v1+json"

    /// - Parameter tag: nil: it is pushed by its digest.
    func pushManifest(_ bytes: [UInt8], tag: String?, type: String = image) async throws -> Reply {
        let digest = digestText(bytes)
        var changes: [(Facts.Key, String?)] = [(manifest(digest), "here")]
        if let tag { changes.append((.tag(repository: repository, name: tag), digest)) }
        return try await facts.change(with(changes), accepted: 201) {
            try await connection.send(
                "PUT", "\(base)/manifests/\(tag ?? digest)", [("Content-Type", type)], body: bytes)
        }
    }

    func deleteTag(_ tag: String) async throws -> Reply {
        try await facts.change([(.tag(repository: repository, name: tag), nil)], accepted: 202) {
            try await connection.send("DELETE", "\(base)/manifests/\(tag)")
        }
    }

    /// - Parameter along: manifests that go with it: those that only this one lists and that never had a tag, and what
    ///   refers to it.
    func deleteManifest(_ digest: String, along: [String] = []) async throws -> Reply {
        let tags = facts.tags(of: digest, in: repository).map { ($0, String?.none) }
        return try await facts.change(
            ([digest] + along).map { (manifest($0), nil) } + tags, accepted: 202
        ) {
            try await connection.send("DELETE", "\(base)/manifests/\(digest)")
        }
    }

    func deleteBlob(_ digest: String) async throws -> Reply {
        try await facts.change([(blob(digest), nil)], accepted: 202) {
            try await connection.send("DELETE", "\(base)/blobs/\(digest)")
        }
    }

    /// The repository with all that is in it.
    func deleteRepository(_ administration: TestConnection) async throws -> Reply {
        try await facts.change(facts.keys(in: repository).map { ($0, nil) }, accepted: 200) {
            try await administration.send("DELETE", "/api/v1/repositories/\(escaped(repository))")
        }
    }
}
