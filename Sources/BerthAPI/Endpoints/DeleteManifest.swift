import BerthCatalog
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `DELETE /v2/<name>/manifests/<reference>`: by tag the tag alone, by digest the manifest with all its tags (202).
/// Distribution specification, "Deleting tags" and "Deleting Manifests".
struct DeleteManifest: Endpoint {
    let repository: RepositoryName
    let reference: String

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let reference = try Reference.forWriting(self.reference)
        let condition = try TagCondition.read(call, reference, in: repository)
        do throws(RegistryError) {
            switch reference {
            case .tag(let tag):
                try await call.registry.delete(tag, in: repository, if: condition, by: call.principal)
            case .digest(let digest):
                try await call.registry.deleteManifest(digest, in: repository, by: call.principal)
            }
        } catch { throw Refusal(deleting: error, allowed: "GET, HEAD, PUT") }
        return Response(status: .accepted)
    }
}
