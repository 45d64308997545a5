import BerthBlobs
import BerthModel
import Glibc
import NIOCore
import Testing

@Suite("A failed sync")
struct FailedSyncTests {
    private static let syncs: Set<SystemCall> = [.sync, .syncData]

    @Test("ends the upload that waited for it, for good (B5, B6)", arguments: [1, 2])
    func sealing(nth: Int) async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let id = UploadID.new()
        let write = try await store.upload(id, .sha256)
        try await write.append(Sample(100_000))
        files.arm(failing: nth, with: .inputOutput, of: Self.syncs)  // 1: the file, 2: the folder
        await #expect(throws: BlobError.dead(id)) { try await write.seal() }
        #expect(files.hasFailed)
        let syncs = files.count(.sync)
        await #expect(throws: BlobError.dead(id)) { try await write.seal() }
        await #expect(throws: BlobError.dead(id)) {
            try await write.append([ByteBuffer(string: "more")])
            try await write.flush()
        }
        await write.close()
        await #expect(throws: BlobError.dead(id)) { try await store.upload(id, .sha256) }
        #expect(files.count(.sync) == syncs)
        #expect(try root.names("uploads") == [], "nothing is left that another start could believe in")

        try await store.discard(id)
        try await store.put(Sample(100_000))
        #expect(files.repeatedSyncs == 0)
    }

    @Test("of a write-back ends the upload too: its bytes are lost (B6)")
    func writeBack() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let id = UploadID.new()
        let write = try await root.store(files).upload(id, .sha256)
        files.arm(failing: 1, with: .inputOutput, of: [.startWriteBack])
        await #expect(throws: BlobError.dead(id)) {
            for _ in 0..<10 { try await write.append([ByteBuffer(repeating: 1, count: 1 << 20)]) }
            try await write.flush()
        }
        #expect(try root.names("uploads") == [])
    }

    @Test(
        "where the file system has no early write-back, nothing is lost",
        arguments: [ErrorNumber.invalid, .notImplemented])
    func noWriteBack(error: ErrorNumber) async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let id = UploadID.new()
        let write = try await store.upload(id, .sha256)
        files.arm(failing: 1, with: error, of: [.startWriteBack])
        for _ in 0..<20 { try await write.append([ByteBuffer(repeating: 1, count: 1 << 20)]) }
        try await write.seal()
        #expect(files.hasFailed)
        #expect(files.count(.startWriteBack) == 1)
        #expect(try await store.openSealed(id, size: 20 << 20).size == 20 << 20)
    }

    @Test("of a committed upload, found at a start, sends its bytes into a new file (B4, B6)")
    func committed() async throws {
        let root = try TemporaryRoot()
        let sample = Sample(700_000)
        let id = try await root.store().seal(sample)
        let files = FaultyFiles()
        let store = try await root.store(files)
        files.arm(failing: 1, with: .inputOutput, of: Self.syncs)
        await #expect(throws: BlobError.failed(operation: "fsync", errno: EIO)) {
            try await store.settle(sample.staged(id))
        }
        #expect(
            try await store.openSealed(id, size: sample.size).bytes() == sample.bytes, "the row still has its bytes")
        try await store.settle(sample.staged(id))
        #expect(files.repeatedSyncs == 0)
        #expect(try await store.read(sample) == sample.bytes)
        #expect(try root.names("uploads") == [])
    }

    @Test("of a committed upload whose bytes are wrong settles nothing (B1, B6)")
    func committedAndWrong() async throws {
        let root = try TemporaryRoot()
        let sample = Sample(100_000)
        let id = try await root.store().seal(sample)
        let files = FaultyFiles()
        let store = try await root.store(files)
        files.arm(failing: 1, with: .inputOutput, of: Self.syncs)
        await #expect(throws: BlobError.self) { try await store.settle(sample.staged(id)) }
        chmod(root.path + "/uploads/\(id).sealed", 0o600)
        try root.write("uploads/\(id).sealed", [UInt8](repeating: 0, count: 100_000))
        await #expect(throws: BlobError.self) { try await store.settle(sample.staged(id)) }
        #expect(try await !store.isPresent(sample.digest(), size: sample.size))
    }

    @Test("of a folder leaves the row's bytes where they were (B4)")
    func folder() async throws {
        let root = try TemporaryRoot()
        let sample = Sample(100_000)
        let files = FaultyFiles()
        let store = try await root.store(files)
        let id = try await store.seal(sample)
        // The parent of the new fan-out folder; then, the parent being synced, the fan-out folder and uploads/.
        for nth in [1, 2, 1, 2] {
            files.arm(failing: nth, with: .inputOutput, of: Self.syncs)
            await #expect(throws: BlobError.self) { try await store.settle(sample.staged(id)) }
            #expect(files.hasFailed)
            #expect(try root.names("uploads") == ["\(id).sealed"])
            #expect(try await store.openSealed(id, size: sample.size).bytes() == sample.bytes)
        }
        files.disarm()
        try await store.settle(sample.staged(id))
        #expect(try await store.read(sample) == sample.bytes)
    }

    @Test("of closing an upload at rest is told to its next caller (B6)")
    func resting() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let first = UploadID.new()
        let write = try await store.upload(first, .sha256)
        try await write.append(Sample(1_000))
        await write.close()
        files.arm(failing: 1, with: .inputOutput, of: [.syncData])
        var others = 0
        while !files.hasFailed {
            others += 1
            try #require(others < 1_000, "the descriptors at rest are bounded")
            let other = try await store.upload(.new(), .sha256)
            try await other.append(Sample(1))
            await other.close()
        }
        await #expect(throws: BlobError.dead(first)) { try await store.upload(first, .sha256) }
        await #expect(throws: BlobError.dead(first)) { try await write.flush() }
        #expect(files.repeatedSyncs == 0)
    }

    @Test("of a folder fails all that waited for it, and one sync serves many (B5)")
    func group() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 { group.addTask { _ = try await store.seal(Sample(100, seed: number + 1)) } }
            try await group.waitForAll()
        }
        #expect(files.count(.sync) <= 2 + 2 * 40)
        #expect(try root.names("uploads").count == 40)
    }

    @Test("of a whole batch settles none of it, and the next attempt goes file by file (B4, B6)", arguments: [1, 2])
    func batch(nth: Int) async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let samples = (0..<6).map { Sample(100, seed: $0 + 1) }
        let batch = try samples.map { try $0.staged() }
        files.arm(failing: nth, with: .inputOutput, of: [.syncAll])
        for (digest, result) in await store.settle(batch) {
            #expect(throws: BlobError.self, "\(digest)") { try result.get() }
        }
        #expect(files.hasFailed)
        #expect(try root.names("uploads").isEmpty, "no temporary file is left")
        let (together, alone) = (files.count(.syncAll), files.count(.syncData))
        for (_, result) in await store.settle(batch) { try result.get() }
        #expect(files.count(.syncAll) == together)
        #expect(files.count(.syncData) == alone + samples.count)
        for sample in samples { #expect(try await store.read(sample) == sample.bytes) }
    }

    @Test("of a batch is two calls for all files and names, and none of them beside an upload (B4)")
    func together() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let samples = (0..<60).map { Sample(100, seed: $0 + 1) }
        for (_, result) in await store.settle(try samples.prefix(30).map { try $0.staged() }) { try result.get() }
        #expect(files.count(.syncAll) == 2)
        #expect(files.count(.syncData) == 0)
        let write = try await store.upload(.new(), .sha256)
        try await write.append(Sample(2 << 20))
        try await write.flush()
        for (_, result) in await store.settle(try samples.dropFirst(30).map { try $0.staged() }) { try result.get() }
        #expect(files.count(.syncAll) == 2)
        #expect(files.count(.syncData) == 30)
        for sample in samples { #expect(try await store.read(sample) == sample.bytes) }
        await write.close()
    }
}
