import BerthBlobs
import BerthCatalog
import BerthModel

/// An upload in the hands of one request: where it stands, and its open file once that is needed.
final class HeldUpload {
    let ticket: UploadTicket
    let claim: UploadClaim
    private let store: any BlobStore
    private var write: (any BlobWrite)?
    /// It has bytes, and a crash has taken the row that tells of it.
    fileprivate(set) var lacksRow = false

    init(_ ticket: UploadTicket, _ claim: UploadClaim, _ write: (any BlobWrite)?, _ store: any BlobStore) {
        (self.ticket, self.claim, self.write, self.store) = (ticket, claim, write, store)
    }

    /// Bytes here so far; an upload without a file has none.
    var offset: Int64 { write?.offset ?? 0 }
    /// The open file, for the session to keep.
    var openFile: (any BlobWrite)? { write }

    /// The file, opened or made when this is the first to want it.
    func openWrite() async throws(RegistryError) -> any BlobWrite {
        if let write { return write }
        do throws(BlobError) {
            let opened = try await store.upload(ticket.id, ticket.algorithm, isNew: claim.isFirst)
            write = opened
            return opened
        } catch { throw RegistryError(error) }
    }

    /// Lets go of a sealed file: it is the settler's now.
    func handOver() async {
        await write?.close()
        write = nil
    }

    /// Closes the file, and removes it unless it was sealed. Failing to remove it is harmless: the end mark makes it
    /// rubbish for the next start.
    func discard() async {
        await write?.close()
        write = nil
        try? await store.discard(ticket.id)
    }
}

extension Registry {
    /// Runs `work` as the only request on the upload. Throws `.uploadUnknown` for an upload that has ended.
    func withUpload<Result: Sendable>(
        _ ticket: UploadTicket, _ work: (HeldUpload) async throws(RegistryError) -> Result
    ) async throws(RegistryError) -> Result {
        let claim = try await sessions.claim(ticket.id)
        let upload = HeldUpload(ticket, claim, sessions.takeWrite(claim), store)
        do throws(RegistryError) {
            if upload.openFile == nil, !claim.isFirst { try await reopen(upload) }
            let result = try await work(upload)
            await sessions.release(claim, keeping: upload.openFile)
            return result
        } catch {
            if case .uploadDead = error {
                await upload.discard()
                quota.release(ticket.id)
            }
            await sessions.release(claim, keeping: upload.openFile)
            throw error
        }
    }

    /// First touch since the start, or since the file was closed: the catalog knows whether the upload has ended, the
    /// store whether there are bytes.
    private func reopen(_ upload: HeldUpload) async throws(RegistryError) {
        let row: UploadFact?
        do { row = try await catalog.upload(upload.ticket.id) } catch { throw RegistryError(error) }
        if let row, !row.isOpen { throw .uploadUnknown }
        let size: Int64?
        do { size = try await store.uploadSize(upload.ticket.id) } catch { throw RegistryError(error) }
        if size != nil {
            _ = try await upload.openWrite()
            upload.lacksRow = row == nil
        } else if row != nil {
            // It had bytes, and a power cut or a failing disk has taken them (B7).
            throw .uploadUnknown
        }
    }
}
