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
        do throws(BlobError) {
            for upload in try await store.uploads() where upload.id.startedMilliseconds < oldest && !upload.isSealed {
                try await store.discard(upload.id)
                log.info("upload expired", metadata: ["upload": "\(upload.id)", "bytes": "\(upload.size)"])
            }
        } catch {
            log.error("expired uploads not removed", metadata: ["cause": "\(error)"])
        }
        do throws(CatalogError) {
            try await catalog.pruneUploads(olderThan: oldest * 1000)
            // Nobody takes the events out yet; they wait for whoever will, a bounded number of them.
            try await catalog.pruneEvents(keeping: Self.mostEvents)
        } catch {
            log.error("ended uploads not forgotten", metadata: ["cause": "\(error)"])
        }
    }
}
