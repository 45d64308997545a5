import BerthModel
import NIOCore
import Testing

@testable import BerthBlobs

@Suite("What lies in a root")
struct RootUsageTests {
    @Test("uploads, finished ones, the catalog, its log and snapshots are counted, each by itself")
    func counted() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store(reserve: 0)
        var usage = try await store.usage()
        #expect(usage.free > 0)
        usage.free = 0
        #expect(usage == RootUsage())
        try root.write("berth.db", [UInt8](repeating: 1, count: 5_000))
        try root.write("berth.db-wal", [UInt8](repeating: 1, count: 300))
        let files = SystemFiles()
        let folder = try files.openRoot(root.path)
        try files.makeFolder("snapshots", in: folder)
        try files.makeFolder("folder", in: try files.open("snapshots", in: folder, .folder))
        files.close(folder)
        for name in ["a.db", "b.db"] { try root.write("snapshots/\(name)", [1, 2, 3]) }
        let (open, sealed) = (UploadID.new(), UploadID.new())
        for (id, count) in [(open, 1_000), (sealed, 70_000)] {
            let write = try await store.upload(id, .sha256)
            try await write.append(Sample(count))
            try await write.flush()
            if id == sealed { try await write.seal() }
        }
        usage = try await store.usage()
        #expect(usage.catalog == 5_000 && usage.log == 300)
        #expect(usage.snapshots == 2 && usage.snapshotBytes == 6)
        #expect(usage.uploads == 1 && usage.uploadBytes == 1_000 && usage.sealedBytes == 70_000)
    }
}
