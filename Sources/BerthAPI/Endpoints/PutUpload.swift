import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `PUT <location>?digest=<digest>`, with or without the last chunk: closes an upload (201). Repeating it after a lost
/// answer is 201 again. Distribution specification, "Pushing a blob monolithically" and "in chunks".
struct PutUpload: Endpoint {
    let repository: RepositoryName
    let ticket: String

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let ticket = try call.ticket(self.ticket, in: repository)
        guard let digest = try call.digest("digest") else {
            throw Refusal(.badRequest, .digestInvalid, "Close an upload with the parameter 'digest'.")
        }
        let range = try ChunkRange.read(call.request.field(.contentRange))
        do {
            try await call.registry.finish(
                ticket, with: Upstream(call.request), as: range, digest: digest, in: repository, by: call.principal,
                from: call.request.peer.address)
        } catch { throw Refusal(error, of: ticket, in: repository) }
        return .created(blob: digest, in: repository)
    }
}
