package import BerthModel

extension FileBlobStore {
    package func remove(
        _ digests: [Digest], stillGoing: @escaping @Sendable ([Digest]) async -> Set<Digest>
    ) async -> [Digest: Result<Void, BlobError>] {
        let results = try? await locks.withLocks(Set(digests)) {
            await removeInTurn(await stillGoing(digests))
        }
        return results ?? [:]
    }

    private func removeInTurn(_ digests: Set<Digest>) async -> [Digest: Result<Void, BlobError>] {
        await withTaskGroup(of: [Digest: Result<Void, BlobError>].self) { group in
            for (_, digests) in Dictionary(grouping: digests, by: FanOut.key) {
                group.addTask {
                    let removed = try? await workers.run(.settling) { removeNow(digests) }
                    return removed ?? [:]
                }
            }
            return await group.reduce(into: [:]) { all, part in all.merge(part) { first, _ in first } }
        }
    }

    /// Files of one folder, which is synced once for all of them.
    private func removeNow(_ digests: [Digest]) -> [Digest: Result<Void, BlobError>] {
        var results: [Digest: Result<Void, BlobError>] = [:]
        for digest in digests { cache.evict(digest) }
        guard let first = digests.first else { return results }
        do throws(SystemError) {
            let folder = try fanOut.folder(first)
            for digest in digests {
                results[digest] = Result { () throws(BlobError) in try unlink(digest, in: folder) }
            }
            if uploadFolder.syncs { try files.sync(folder.descriptor) }
        } catch {
            // Without the folder there are no files in it, if the store is there; what was unlinked and not synced is
            // removed again.
            let failure = missing(error)
            for digest in digests { results[digest] = failure == .absent ? .success(()) : .failure(failure) }
        }
        return results
    }

    /// No file under the name is a success.
    private func unlink(_ digest: Digest, in folder: Folder) throws(BlobError) {
        do throws(SystemError) {
            try files.unlink(digest.fileName, in: folder.descriptor)
        } catch  where error.errno == .notThere {
            return
        } catch { throw BlobError(error) }
    }

    package var places: [BlobPlace] {
        Digest.Algorithm.allCases.flatMap { algorithm in
            (0..<256).map { BlobPlace(algorithm: algorithm, prefix: UInt8($0)) }
        }
    }

    package func files(in place: BlobPlace) async throws(BlobError) -> [StoredBlob] {
        try await workers.run(.calls) { () throws(BlobError) in
            do throws(SystemError) {
                guard let first = place.lowest else { return [] }
                let folder = try fanOut.folder(first)
                var found: [StoredBlob] = []
                for name in try files.names(in: folder.descriptor) {
                    guard let digest = try? Digest("\(place.algorithm.rawValue):\(name)"),
                        let status = try? files.status(of: name, in: folder.descriptor), status.kind == .regular
                    else { continue }
                    found.append(StoredBlob(digest: digest, size: status.size))
                }
                return found
            } catch {
                let failure = missing(error)
                guard failure == .absent else { throw failure }
                return []
            }
        }
    }
}
