import BerthCatalog
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `GET` and `HEAD /v2/<name>/manifests/<reference>`: the stored bytes with their own type, whatever `Accept` says.
/// Distribution specification, "Pulling manifests".
struct GetManifest: Endpoint {
    let repository: RepositoryName
    let reference: String

    func answerNow(_ call: Call) throws(Refusal) -> Response? {
        let reference = try parsedReference()
        let promise = promise(reference, call)
        guard let found = call.registry.cachedManifest(reference, in: repository) else {
            if let promise { call.registry.withdraw(promise) }
            return nil
        }
        return response(reference, found, call.request)
    }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let reference = try parsedReference()
        let promise = promise(reference, call)
        let found: FoundManifest
        do { found = try await call.registry.manifest(reference, in: repository) } catch {
            if let promise { call.registry.withdraw(promise) }
            throw Refusal(error)
        }
        return response(reference, found, call.request)
    }

    /// A client that asks whether a manifest is here, by digest, may name it in an index soon (G2).
    private func promise(_ reference: Reference, _ call: Call) -> Leases.Promise? {
        guard case .digest(let digest) = reference else { return nil }
        return call.promise(digest, in: repository)
    }

    /// What can be no tag is no tag that is here: the specification has 404 for reading it.
    private func parsedReference() throws(Refusal) -> Reference {
        do throws(ReferenceError) { return try Reference(reference) } catch {
            switch error {
            case .digest(let error): throw .digest(error)
            case .tag:
                throw Refusal(
                    .notFound, .manifestUnknown, "This repository has no manifest under a name that is no tag.")
            }
        }
    }

    private func response(_ reference: Reference, _ found: FoundManifest, _ request: Request) -> Response {
        var headers = HeaderFields.immutable(found.digest)
        if case .tag = reference { headers[.cacheControl] = "private, no-cache" }
        if EntityTags.names(found.digest, request.field(.ifNoneMatch)) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = found.type.rawValue
        return Response(status: .ok, headers: headers, body: .bytes(found.bytes))
    }
}
