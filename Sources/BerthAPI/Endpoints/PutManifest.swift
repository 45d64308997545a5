import BerthCatalog
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes
import NIOCore

/// `PUT /v2/<name>/manifests/<reference>`: 201. By digest, `tag` parameters set tags beside; by tag, `If-Match` and
/// `If-None-Match: *` make it a compare-and-swap (412). Distribution specification, "Pushing Manifests".
struct PutManifest: Endpoint {
    /// Tags that one push by digest may set.
    static let mostTags = 64

    let repository: RepositoryName
    let reference: String

    /// Parsing takes about as many microseconds as there are hundreds of bytes.
    func isLong(_ call: Call) -> Bool { call.request.contentLength.map { $0 > 16 << 10 } ?? true }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let reference = try Reference.forWriting(self.reference)
        let tags = try tags(call, reference)
        let condition = try TagCondition.read(call, reference, in: repository)
        let room = call.request.contentLength.map(Int.init(clamping:)) ?? call.context.settings.manifestBytes
        return try await call.context.manifestMemory.with(min(room, call.context.settings.manifestBytes)) {
            () async throws(Refusal) in
            try await push(call, reference, tags, condition)
        }
    }

    private func push(
        _ call: Call, _ reference: Reference, _ tags: [Tag], _ condition: TagCondition
    ) async throws(Refusal) -> Response {
        let bytes = try await call.manifestBytes()
        let pushed: PushedManifest
        do {
            pushed = try await call.registry.push(
                ManifestPut(
                    repository: repository, reference: reference, bytes: bytes,
                    contentType: call.request.field(.contentType), tags: tags, condition: condition),
                by: call.principal)
        } catch { throw Refusal(error) }
        var headers: HeaderFields = [
            .location: "/v2/\(repository)/manifests/\(pushed.digest)", .contentDigest: pushed.digest.text,
        ]
        if let subject = pushed.subject { headers[.ociSubject] = subject.text }
        for tag in tags { headers.append(.ociTag, tag.text) }
        return Response(status: .created, headers: headers)
    }

    private func tags(_ call: Call, _ reference: Reference) throws(Refusal) -> [Tag] {
        let names = call.query.values("tag")
        guard !names.isEmpty else { return [] }
        guard case .digest = reference else { throw .parameter("tag", "goes only with a push by digest") }
        guard names.count <= Self.mostTags else {
            throw Refusal(.uriTooLong, .unsupported, "At most \(Self.mostTags) tags can be set at once.")
        }
        var tags: [Tag] = []
        for name in names {
            do { tags.append(try Tag(name)) } catch { throw .parameter("tag", "is not a valid tag") }
        }
        return tags
    }
}

extension Reference {
    /// A reference that is about to be made or deleted: text that can be no tag is the client's mistake.
    static func forWriting(_ text: String) throws(Refusal) -> Reference {
        do throws(ReferenceError) { return try Reference(text) } catch {
            switch error {
            case .digest(let error): throw .digest(error)
            case .tag:
                throw .parameter(
                    "reference", "has to be a digest, or a tag of at most 128 letters, digits, '.', '_' and '-'")
            }
        }
    }
}

extension TagCondition {
    /// The condition that a request puts on the tag it changes. RFC 9110, section 13.1; the caller sees by the answer
    /// what the tag points to, and so needs the right to pull as well.
    static func read(
        _ call: Call, _ reference: Reference, in repository: RepositoryName
    ) throws(Refusal) -> TagCondition {
        let ifMatch = EntityTags(call.request.field(.ifMatch))
        let ifNoneMatch = EntityTags(call.request.field(.ifNoneMatch))
        guard ifMatch != nil || ifNoneMatch != nil else { return .none }
        guard case .tag = reference else {
            throw Refusal(
                .badRequest, .unsupported, "A condition goes only with a tag: content under a digest never changes.")
        }
        try call.context.gate.require(.pull, on: repository, call)
        switch (ifMatch, ifNoneMatch) {
        case (.any?, nil): return .exists
        case (.these(let digests)?, nil): return .matches(digests)
        case (nil, .any?): return .absent
        default:
            throw Refusal(
                .badRequest, .unsupported, "Use either If-Match with digests or '*', or If-None-Match with '*'.")
        }
    }
}

extension Call {
    /// The body of a manifest. 413 before a byte is read where its length says so.
    fileprivate func manifestBytes() async throws(Refusal) -> [UInt8] {
        let limit = context.settings.manifestBytes
        if let length = request.contentLength, length > limit {
            throw Refusal(.body(.tooLarge(limit: limit)))
        }
        do throws(BodyError) {
            let buffer = try await request.body.collect(upTo: limit)
            return Array(buffer.readableBytesView)
        } catch { throw Refusal(.body(BodyFailure(error))) }
    }
}
