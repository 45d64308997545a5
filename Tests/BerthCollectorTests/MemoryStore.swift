import BerthBlobs
import BerthCatalog
import BerthModel

/// Files in memory. Settling and removing take their locks and their steps as the file store does.
///
/// `@unchecked`: the stage lets one task run at a time.
final class MemoryStore: BlobStore, @unchecked Sendable {
    private(set) var files: [Digest: Int64] = [:]
    /// Their digests, as the catalog writes them.
    private(set) var texts: Set<String> = []
    private var held: Set<Digest> = []
    private var sealed: Set<UploadID> = []
    /// Counts crashes: a killed process touches no file any more.
    private var crashes = 0
    var stage: Stage?
    /// Called before files are removed.
    var beforeRemoval: @Sendable () async -> Void = {}
    /// Off, settling does not wait for an unlink of the same content.
    var locks = true

    func reset(to files: [Digest: Int64]) {
        self.files = files
        texts = Set(files.keys.map(\.text))
        (held, sealed) = ([], [])
    }

    /// An upload's bytes are whole.
    func seal(_ upload: UploadID) { sealed.insert(upload) }

    /// A killed process holds no locks; what it wrote is there.
    func crash() { (held, crashes) = ([], crashes + 1) }

    func settle(_ batch: [StagedContent]) async -> [Digest: Result<Void, BlobError>] {
        var results: [Digest: Result<Void, BlobError>] = [:]
        let process = crashes
        for content in batch {
            do {
                try await take([content.digest], process)
                try await step("file", process)
                results[content.digest] = result(of: content)
                held.remove(content.digest)
            } catch { results[content.digest] = .failure(.failed(operation: "crash", errno: 5)) }
        }
        return results
    }

    /// Now and then the disk fails.
    private var fails: Bool { stage.map { $0.below(12) == 0 } ?? false }
    private static let failure = BlobError.failed(operation: "disk", errno: 5)

    private func result(of content: StagedContent) -> Result<Void, BlobError> {
        if fails { return .failure(Self.failure) }
        if case .sealed(let upload) = content.source, sealed.remove(upload) == nil {
            return files[content.digest] == nil ? .failure(.absent) : .success(())
        }
        files[content.digest] = content.size
        texts.insert(content.digest.text)
        return .success(())
    }

    /// A file that nobody has sent: by hand, or of an older registry.
    func stray(_ digest: Digest) {
        guard files[digest] == nil else { return }
        files[digest] = 10
        texts.insert(digest.text)
    }

    func remove(
        _ digests: [Digest], stillGoing: @escaping @Sendable ([Digest]) async -> Set<Digest>
    ) async -> [Digest: Result<Void, BlobError>] {
        var results: [Digest: Result<Void, BlobError>] = [:]
        let process = crashes
        await beforeRemoval()
        do {
            try await take(digests, process)
            let going = await stillGoing(digests)
            for digest in digests where going.contains(digest) {
                try await step("file", process)
                let fails = fails
                if !fails {
                    files[digest] = nil
                    texts.remove(digest.text)
                }
                results[digest] = fails ? .failure(Self.failure) : .success(())
            }
            held.subtract(digests)
        } catch { return results }
        return results
    }

    private func step(_ place: String, _ process: Int, when mayGo: (() -> Bool)? = nil) async throws(CatalogError) {
        guard process == crashes else { throw .unavailable("crash") }
        try await stage?.step(place, when: mayGo)
    }

    private func take(_ digests: [Digest], _ process: Int) async throws(CatalogError) {
        guard process == crashes else { throw .unavailable("crash") }
        guard locks else { return }
        if !held.isDisjoint(with: digests) {
            try await step("turn", process, when: { self.held.isDisjoint(with: digests) })
        }
        held.formUnion(digests)
    }

    func isPresent(_ digest: Digest, size: Int64) async throws(BlobError) -> Bool { files[digest] == size }
    var places: [BlobPlace] { Document.all.map { BlobPlace(algorithm: .sha256, prefix: UInt8($0)) } }
    func files(in place: BlobPlace) async throws(BlobError) -> [StoredBlob] {
        files.filter { Document.number($0.key) == place.prefix }.map { StoredBlob(digest: $0.key, size: $0.value) }
    }
    func evict(_ digest: Digest) {}

    // Not used here.
    func open(_ digest: Digest, size: Int64) async throws(BlobError) -> OpenFile { throw .absent }
    func content(_ digest: Digest, size: Int64) async throws(BlobError) -> BlobContent { throw .absent }
    func cached(_ digest: Digest, size: Int64) -> OpenFile? { nil }
    func openSealed(_ upload: UploadID, size: Int64) async throws(BlobError) -> OpenFile { throw .absent }
    func contents(of file: OpenFile) async throws(BlobError) -> [UInt8] { throw .absent }
    func upload(_ id: UploadID, _ algorithm: Digest.Algorithm, isNew: Bool) async throws(BlobError) -> any BlobWrite {
        throw .absent
    }
    func uploadSize(_ id: UploadID) async throws(BlobError) -> Int64? { nil }
    func discard(_ id: UploadID) async throws(BlobError) {}
    func discardSealed(_ id: UploadID) async throws(BlobError) { sealed.remove(id) }
    func uploads() async throws(BlobError) -> [StoredUpload] { [] }
    func unseal(_ id: UploadID) async throws(BlobError) {}
    func checkRoom() async throws(BlobError) {}
    func giveUpReserve() async {}
    func checkWritable() async throws(BlobError) {}
}
