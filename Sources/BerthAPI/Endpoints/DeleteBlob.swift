import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `DELETE /v2/<name>/blobs/<digest>`: 202; 405 while manifests refer to it. Distribution specification, "Deleting
/// Blobs".
struct DeleteBlob: Endpoint {
    let repository: RepositoryName
    let digest: String

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let digest: Digest
        do { digest = try Digest(self.digest) } catch { throw .digest(error) }
        do {
            try await call.registry.deleteBlob(digest, in: repository, by: call.principal)
        } catch { throw Refusal(deleting: error, allowed: "GET, HEAD") }
        return Response(status: .accepted, headers: [.contentDigest: digest.text])
    }
}

extension Refusal {
    /// A 405 names what else can be done with the content.
    init(deleting error: RegistryError, allowed: String) {
        self.init(error)
        if status == .methodNotAllowed { headers[.allow] = allowed }
    }
}
