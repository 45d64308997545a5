import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `PATCH <location>`: appends a chunk (202). Without `Content-Range`, as Docker streams, it is appended where the
/// upload ends; with one that begins elsewhere, 416. Distribution specification, "Pushing a blob in chunks".
struct PatchUpload: Endpoint {
    let repository: RepositoryName
    let ticket: String

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let ticket = try call.ticket(self.ticket, in: repository)
        let range = try ChunkRange.read(call.request.field(.contentRange))
        let offset: Int64
        do {
            offset = try await call.registry.append(
                Upstream(call.request), as: range, to: ticket, in: repository, by: call.principal,
                from: call.request.peer.address)
        } catch { throw Refusal(error, of: ticket, in: repository) }
        return Response(status: .accepted, headers: .upload(ticket, in: repository, offset: offset))
    }
}

extension Refusal {
    /// A refused chunk says where the upload goes on.
    init(_ error: RegistryError, of ticket: UploadTicket, in repository: RepositoryName) {
        self.init(error)
        if case .chunkOutOfOrder(let offset) = error {
            headers.append(contentsOf: HeaderFields.upload(ticket, in: repository, offset: offset))
        }
        if case .superseded = error {
            // How far the later request brings it is not known yet: the status tells.
            headers.append(contentsOf: HeaderFields.upload(ticket, in: repository, offset: 0))
            headers[.range] = nil
        }
    }
}
