import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `GET <location>`: how far the upload is (204, `Range`). Distribution specification, "Pushing a blob in chunks".
struct UploadStatus: Endpoint {
    let repository: RepositoryName
    let ticket: String

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let ticket = try call.ticket(self.ticket, in: repository)
        let offset: Int64
        do { offset = try await call.registry.uploadOffset(ticket) } catch { throw Refusal(error) }
        return Response(status: .noContent, headers: .upload(ticket, in: repository, offset: offset))
    }
}

/// `DELETE <location>`: the client wants no blob after all (204).
struct CancelUpload: Endpoint {
    let repository: RepositoryName
    let ticket: String

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let ticket = try call.ticket(self.ticket, in: repository)
        do {
            try await call.registry.cancelUpload(ticket, in: repository, by: call.principal)
        } catch { throw Refusal(error) }
        return Response(status: .noContent, headers: [.cacheControl: "no-store"])
    }
}
