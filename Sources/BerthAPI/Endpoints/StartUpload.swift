import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `POST /v2/<name>/blobs/uploads/`: 202 and an upload's location; with `digest` the whole blob (201); with `mount`
/// another repository's blob (201, or 202 and an upload where it can't be had). Distribution specification, "Pushing
/// blobs".
struct StartUpload: Endpoint {
    let repository: RepositoryName

    func answerNow(_ call: Call) throws(Refusal) -> Response? {
        guard try call.query.value("digest") == nil, try call.query.value("mount") == nil else { return nil }
        return try started(call)
    }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        if let digest = try call.digest("mount") { return try await mount(digest, call) }
        guard let digest = try call.digest("digest") else { return try started(call) }
        do {
            try await call.registry.put(
                Upstream(call.request), digest: digest, in: repository, by: call.principal,
                from: call.request.peer.address)
        } catch { throw Refusal(error) }
        return .created(blob: digest, in: repository)
    }

    private func mount(_ digest: Digest, _ call: Call) async throws(Refusal) -> Response {
        let isMounted: Bool
        let source = try call.query.value("from")
        do throws(RegistryError) {
            if let source {
                // A source that is no name has no blob: the client uploads it then.
                if let source = try? RepositoryName(source) {
                    isMounted = try await call.registry.mount(digest, from: source, to: repository, by: call.caller)
                } else {
                    isMounted = false
                }
            } else {
                isMounted = try await call.registry.mountFromAnywhere(digest, to: repository, by: call.caller)
            }
        } catch { throw Refusal(error) }
        return isMounted ? .created(blob: digest, in: repository) : try started(call)
    }

    private func started(_ call: Call) throws(Refusal) -> Response {
        var algorithm = Digest.Algorithm.sha256
        if let name = try call.query.value("digest-algorithm") {
            guard let known = Digest.Algorithm(rawValue: name) else { throw .digest(.unknownAlgorithm) }
            algorithm = known
        }
        let ticket = call.registry.startUpload(in: repository, by: call.principal, algorithm: algorithm)
        return Response(status: .accepted, headers: .upload(ticket, in: repository, offset: 0))
    }
}

extension Call {
    /// The digest in a parameter of the query, nil where it is absent.
    func digest(_ key: String) throws(Refusal) -> Digest? {
        guard let text = try query.value(key) else { return nil }
        do { return try Digest(text) } catch { throw .digest(error) }
    }

    func ticket(_ text: String, in repository: RepositoryName) throws(Refusal) -> UploadTicket {
        do { return try registry.ticket(text, in: repository, by: principal) } catch { throw Refusal(error) }
    }
}

extension Response {
    static func created(blob digest: Digest, in repository: RepositoryName) -> Response {
        Response(
            status: .created,
            headers: [.location: "/v2/\(repository)/blobs/\(digest)", .contentDigest: digest.text])
    }
}

extension HeaderFields {
    /// Where an upload goes on. The location is relative, which no proxy can get wrong, and has no query, for clients
    /// add to it and encode it anew.
    static func upload(_ ticket: UploadTicket, in repository: RepositoryName, offset: Int64) -> HeaderFields {
        [
            .location: "/v2/\(repository)/blobs/uploads/\(ticket.text)",
            .uploadUUID: ticket.id.text,
            .range: "0-\(offset == 0 ? 0 : offset - 1)",
            .cacheControl: "no-store",
        ]
    }
}
