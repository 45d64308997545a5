import BerthBlobs
import BerthModel
import Glibc
import NIOCore
import Testing

@Suite("The file store")
struct FileBlobStoreTests {
    @Test("keeps the contract", arguments: BlobStoreContract.all, [SyncMode.always, .never])
    func contract(promise: BlobStoreContract, sync: SyncMode) async throws {
        let root = try TemporaryRoot()
        try await promise.check(root.store(sync: sync))
    }

    @Test("content is read-only under its name in folders of the owner alone, whatever the umask (B2)")
    func layout() async throws {
        let root = try TemporaryRoot()
        let before = umask(0)
        defer { umask(before) }
        let store = try await root.store()
        let (small, large) = (Sample(5_000), Sample(300_000, seed: 2))
        try await store.settle(small.staged())
        let id = UploadID.new()
        let write = try await store.upload(id, .sha256)
        try await write.append(large)
        try await write.flush()
        #expect(try root.status("uploads/\(id)").mode == 0o600)
        try await write.seal()
        #expect(try root.status("uploads/\(id).sealed").mode == 0o400)
        try await store.settle(large.staged(id))
        for sample in [small, large] {
            let place = TemporaryRoot.place(try sample.digest())
            #expect(try root.status(place).mode == 0o400)
            #expect(try root.read(place) == sample.bytes)
            var folder = place[...]
            while let slash = folder.lastIndex(of: "/") {
                folder = folder[..<slash]
                #expect(try root.status(String(folder)).mode == 0o700)
            }
        }
        #expect(try root.names("uploads") == [])
    }

    @Test("an upload goes on where it was in another process (B7)", arguments: Digest.Algorithm.allCases)
    func resumed(algorithm: Digest.Algorithm) async throws {
        let root = try TemporaryRoot()
        let sample = Sample(9_000_000)
        let id = UploadID.new()
        do {
            let write = try await root.store().upload(id, algorithm)
            for batch in sample.batches(of: 1 << 20).prefix(5) { try await write.append(batch) }
            try await write.flush()
        }
        let store = try await root.store()
        #expect(try await store.uploads().map(\.id) == [id])
        let write = try await store.upload(id, algorithm)
        #expect(write.offset == 5 << 20)
        try await write.append(sample)
        for algorithm in Digest.Algorithm.allCases {
            #expect(try await write.digest(algorithm) == sample.digest(algorithm))
        }
        try await write.seal()
        try await store.settle(sample.staged(id))
        #expect(try await store.isPresent(sample.digest(), size: sample.size))
    }

    @Test("a sealed upload without row becomes an open one again at the start")
    func unsealed() async throws {
        let root = try TemporaryRoot()
        let sample = Sample(200_000)
        let id = try await root.store().seal(sample)
        let store = try await root.store()
        #expect(try await store.uploads().map(\.isSealed) == [true])
        try await store.unseal(id)
        #expect(try await store.uploads().map(\.isSealed) == [false])
        #expect(try root.status("uploads/\(id)").mode == 0o600)
        let write = try await store.upload(id, .sha256)
        #expect(try await write.digest(.sha256) == sample.digest())
        await #expect(throws: BlobError.absent) { try await store.unseal(.new()) }
    }

    @Test("settling goes on in another process, wherever the file is by then (B4)")
    func settledAfterRestart() async throws {
        let root = try TemporaryRoot()
        let (sealed, renamed) = (Sample(200_000), Sample(300_000, seed: 2))
        let (first, second) = (UploadID.new(), UploadID.new())
        do {
            let store = try await root.store()
            _ = try await store.seal(sealed, as: first)
            try await store.settle(renamed.staged(try await store.seal(renamed, as: second)))
        }
        let files = FaultyFiles()
        let store = try await root.store(files)
        let before = files.count(.sync)
        let results = await store.settle([try sealed.staged(first), try renamed.staged(second)])
        for result in results.values { try result.get() }
        #expect(files.count(.sync) - before >= 4, "two files and two folders, by this process")
        #expect(try await store.read(sealed) == sealed.bytes)
        #expect(try await store.read(renamed) == renamed.bytes)
    }

    @Test("a file under the final name is no evidence while its row is there (B3)")
    func noEvidence() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store()
        let sample = Sample(200_000)
        let id = UploadID.new()
        try await store.put(sample)
        let place = TemporaryRoot.place(try sample.digest())
        chmod(root.path + "/" + place, 0o600)
        try root.write(place, [UInt8](repeating: 0, count: sample.bytes.count))  // what a loss of power leaves
        let again = try await root.store()
        await #expect(throws: BlobError.absent) { try await again.settle(sample.staged(id)) }
        try await again.settle(sample.staged())
        #expect(try await again.read(sample) == sample.bytes)
    }

    @Test("a wrong or missing file is absent, and any upload of the digest heals it (B9)")
    func heals() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store()
        let sample = Sample(100_000)
        let digest = try sample.digest()
        let place = root.path + "/" + TemporaryRoot.place(digest)
        let damages: [() throws -> Void] = [
            { unlink(place) },
            {
                chmod(place, 0o600)
                try root.write(TemporaryRoot.place(digest), [1, 2, 3])
            },
            {
                unlink(place)
                symlink("/etc/passwd", place)
            },
            {
                unlink(place)
                mkfifo(place, 0o600)
            },
        ]
        try await store.put(sample)
        for damage in damages {
            try damage()
            store.evict(digest)
            await #expect(throws: BlobError.absent) { try await store.open(digest, size: sample.size) }
            #expect(try await !store.isPresent(digest, size: sample.size))
            try await store.put(sample)
            #expect(try await store.read(sample) == sample.bytes)
            #expect(store.cached(digest, size: sample.size) != nil)
        }
    }

    @Test("a damaged file that is still open is not answered from the cache once the digest was healed")
    func healedCache() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store()
        let sample = Sample(1_000)
        try await store.put(sample)
        _ = try await store.open(sample.digest(), size: sample.size)
        let place = TemporaryRoot.place(try sample.digest())
        chmod(root.path + "/" + place, 0o600)
        try root.write(place, [UInt8](repeating: 0, count: 1_000))
        try await store.settle(sample.staged())
        #expect(try await store.read(sample) == sample.bytes)
    }

    @Test("links put in the place of the store's folders are not followed")
    func links() async throws {
        let root = try TemporaryRoot()
        let elsewhere = try TemporaryRoot()
        let store = try await root.store()
        let sample = Sample(1_000)
        let digest = try sample.digest()
        try elsewhere.write(String(digest.hex), sample.bytes)
        symlink(elsewhere.path, root.path + "/blobs/sha256/" + digest.hex.prefix(2))
        await #expect(throws: BlobError.absent) { try await store.open(digest, size: sample.size) }
        #expect(try await !store.isPresent(digest, size: sample.size))
        await #expect(throws: BlobError.self) { try await store.settle(sample.staged()) }
        #expect(try elsewhere.names("") == [String(digest.hex)])

        let id = UploadID.new()
        symlink(elsewhere.path + "/" + digest.hex, root.path + "/uploads/\(id)")
        await #expect(throws: BlobError.dead(id)) { try await store.upload(id, .sha256) }
        #expect(try elsewhere.read(String(digest.hex)) == sample.bytes)
    }

    @Test("a root that went away is trouble, not absence (B9)")
    func rootGone() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store()
        rmdir(root.path + "/blobs/sha256")
        rmdir(root.path + "/blobs/sha512")
        rmdir(root.path + "/blobs")
        await #expect(throws: BlobError.failed(operation: "openat", errno: ESTALE)) {
            try await store.open(Sample(1).digest(), size: 1)
        }
        try #require(rename(root.path, root.path + ".moved") == 0)
        mkdir(root.path, 0o700)
        await #expect(throws: BlobError.failed(operation: "openat", errno: ESTALE)) { try await store.checkWritable() }
        rmdir(root.path)
        try #require(rename(root.path + ".moved", root.path) == 0)
    }

    @Test("temporary files do not survive a start; uploads do")
    func temporaries() async throws {
        let root = try TemporaryRoot()
        let id = try await root.store().seal(Sample(10))
        try root.write("uploads/17.tmp", [1])
        try root.write("uploads/stranger", [1])
        _ = try await root.store()
        #expect(try root.names("uploads") == ["\(id).sealed", "stranger"])
    }

    @Test("write-back is started early, and waited for when too much is under way")
    func writeBack() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let batch = [ByteBuffer(repeating: 7, count: 1 << 20)]
        let write = try await store.upload(.new(), .sha256)
        for _ in 0..<96 { try await write.append(batch) }
        try await write.flush()
        #expect(files.count(.startWriteBack) >= 12 + 3)
    }

    @Test("short writes lose nothing (B7)")
    func shortWrites() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        files.shortenWrites(to: 777)
        let store = try await root.store(files)
        let sample = Sample(100_000)
        try await store.put(sample)
        #expect(try await store.read(sample) == sample.bytes)
    }

    @Test("a batch of more pieces than one call takes is written whole")
    func manyPieces() async throws {
        let root = try TemporaryRoot()
        let sample = Sample(5_000)
        let write = try await root.store().upload(.new(), .sha256)
        try await write.append(sample.bytes.map { ByteBuffer(bytes: [$0]) })
        #expect(try await write.digest(.sha512) == sample.digest(.sha512))
    }

    @Test("throw-away stores sync nothing")
    func neverSynced() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files, sync: .never)
        try await store.put(Sample(100_000))
        try await store.settle(Sample(100).staged())
        for call in [SystemCall.sync, .syncData, .startWriteBack] { #expect(files.count(call) == 0) }
    }
}
