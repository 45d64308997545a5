import BerthBlobs
import BerthModel
import NIOCore
import Testing

@Suite("A full disk")
struct ReserveTests {
    @Test("costs the reserve at the first refused write, and uploads wait until it is back")
    func givenUp() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let sample = Sample(300_000)
        try await store.checkRoom()
        #expect(try root.status("reserve").allocated >= 1 << 20)

        let write = try await store.upload(.new(), .sha256)
        try await write.append(sample.batches()[0])
        try await write.flush()
        files.pretend(freeSpace: 100_000)
        files.arm(failing: 1, with: .noSpaceLeft, of: [.write])
        await #expect(throws: BlobError.noSpace) {
            try await write.append(sample.batches()[1])
            try await write.flush()
        }
        #expect(!root.exists("reserve"))
        #expect(write.offset == 64 << 10, "what is in the file and hashed (B7)")
        await #expect(throws: BlobError.noSpace) { try await write.append(sample.batches()[1]) }
        await #expect(throws: BlobError.noSpace) { try await store.upload(.new(), .sha256) }
        await #expect(throws: BlobError.noSpace) { try await store.checkRoom() }
        await #expect(throws: BlobError.noSpace) { try await store.checkWritable() }

        // Deleting and settling go on meanwhile.
        try await store.settle(Sample(1_000).staged())
        try await store.remove(Sample(1_000).digest())

        files.pretend(freeSpace: nil)
        try await write.append(sample)
        #expect(root.exists("reserve"))
        #expect(try await write.digest(.sha256) == sample.digest())
        try await store.checkWritable()
    }

    @Test("is survived by settling: the reserve makes the room that it needs")
    func settling() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let sample = Sample(1_000)
        files.pretend(freeSpace: 0)
        files.arm(failing: 1, with: .noSpaceLeft, of: [.write])
        try await store.settle(sample.staged())
        #expect(files.hasFailed)
        #expect(!root.exists("reserve"))
        #expect(try await store.read(sample) == sample.bytes)
    }

    @Test("met by somebody else costs the reserve as well")
    func elsewhere() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        files.pretend(freeSpace: 0)
        await store.giveUpReserve()
        #expect(!root.exists("reserve"))
        await #expect(throws: BlobError.noSpace) { try await store.checkRoom() }
    }

    @Test("is no reason not to start")
    func start() async throws {
        let root = try TemporaryRoot()
        let sample = Sample(1_000)
        try await root.store(reserve: 0).put(sample)
        let files = FaultyFiles()
        files.pretend(freeSpace: 0)
        let store = try await root.store(files)
        #expect(!root.exists("reserve"))
        #expect(try await store.read(sample) == sample.bytes)
        await #expect(throws: BlobError.noSpace) { try await store.checkRoom() }
    }

    @Test("does not concern a store without a reserve until a write fails")
    func none() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files, reserve: 0)
        files.pretend(freeSpace: 0)
        try await store.checkRoom()
        files.arm(failing: 1, with: .quotaExceeded, of: [.write])
        let write = try await store.upload(.new(), .sha256)
        await #expect(throws: BlobError.noSpace) {
            try await write.append([ByteBuffer(string: "a")])
            try await write.flush()
        }
        try await write.append([ByteBuffer(string: "b")])
        try await write.flush()
        #expect(write.offset == 1)
    }
}
