import BerthBlobs
import BerthCatalog
import BerthModel
import Logging

extension Registry {
    private static let mostEvents = 100_000

    /// What has to happen now and then: idle uploads give their descriptors back, and uploads past their age go.
    package func keepHouse() async {
        await sessions.closeIdle(olderThan: .seconds(60))
        let oldest = clock.milliseconds() - settings.uploadMaxAge.components.seconds * 1000
        quota.release(startedBefore: oldest)
        do throws(BlobError) {
            for upload in try await store.uploads() where upload.id.startedMilliseconds < oldest && !upload.isSealed {
                try await expire(upload)
            }
        } catch {
            log.error("expired uploads not removed", metadata: ["cause": "\(error)"])
        }
        catalog.forgetOldUploads()
        do throws(CatalogError) {
            try await catalog.pruneUploads(olderThan: oldest * 1000)
            // Nobody takes the events out yet; they wait for whoever will, a bounded number of them.
            try await catalog.pruneEvents(keeping: Self.mostEvents)
        } catch {
            log.error("ended uploads not forgotten", metadata: ["cause": "\(error)"])
        }
    }

    /// Removes an upload, unless a request works on it at this moment: what began in time may end.
    private func expire(_ upload: StoredUpload) async throws(BlobError) {
        guard let claim = sessions.claimIfFree(upload.id) else { return }
        await sessions.takeWrite(claim)?.close()
        quota.release(upload.id)
        let failure: BlobError?
        do throws(BlobError) {
            try await store.discard(upload.id)
            failure = nil
        } catch { failure = error }
        await sessions.release(claim, keeping: nil)
        if let failure { throw failure }
        log.info("upload expired", metadata: ["upload": "\(upload.id)", "bytes": "\(upload.size)"])
    }
}
