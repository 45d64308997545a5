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
                    let removed = try? await workers.run(.removing) { removeNow(digests) }
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
                // Who opened it between the eviction and the unlink has put it back.
                cache.evict(digest)
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

    /// Files whose status one job asks for.
    private static let filesPerJob = 1_000

    /// Nobody waits for this, so it keeps no reader from its thread.
    package func files(in place: BlobPlace) async throws(BlobError) -> [StoredBlob] {
        guard let first = place.lowest else { return [] }
        let names = try await workers.run(.removing) { () throws(BlobError) in
            do throws(SystemError) {
                let folder = try fanOut.folder(first)
                defer { withExtendedLifetime(folder) {} }
                return try files.names(in: folder.descriptor)
            } catch {
                let failure = missing(error)
                guard failure == .absent else { throw failure }
                return []
            }
        }
        var found: [StoredBlob] = []
        var rest = names[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.filesPerJob)
            rest = rest.dropFirst(part.count)
            found += try await workers.run(.removing) { () throws(BlobError) in
                do throws(SystemError) {
                    let folder = try fanOut.folder(first)
                    defer { withExtendedLifetime(folder) {} }
                    return part.compactMap { name in
                        guard let digest = try? Digest("\(place.algorithm.rawValue):\(name)"),
                            let status = try? files.status(of: name, in: folder.descriptor), status.kind == .regular
                        else { return nil }
                        return StoredBlob(digest: digest, size: status.size)
                    }
                } catch { throw missing(error) }
            }
        }
        return found
    }
}
