import BerthBlobs
import BerthModel
import NIOCore
import Testing

@Suite("Many at once")
struct ConcurrencyTests {
    @Test("who reads while content comes and goes sees all of it or nothing (B1, B9)")
    func comingAndGoing() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store(sync: .never)
        let samples = [Sample(5_000), Sample(150_000, seed: 2)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sample in samples {
                group.addTask { for _ in 0..<50 { try await store.put(sample) } }
                group.addTask { for _ in 0..<50 { try await store.settle(sample.staged()) } }
                group.addTask { for _ in 0..<50 { try await store.remove(sample.digest()) } }
                for _ in 0..<2 {
                    group.addTask {
                        for _ in 0..<200 {
                            do throws(BlobError) {
                                let file = try await store.open(try sample.knownDigest(), size: sample.size)
                                #expect((try? file.bytes()) == sample.bytes)
                            } catch { #expect(error == .absent) }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        for sample in samples {
            try await store.put(sample)
            #expect(try await store.read(sample) == sample.bytes)
        }
        #expect(try await store.uploads().isEmpty)
    }

    @Test("one finished upload settled by several at once is settled for all (B4)")
    func settledTwice() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store()
        let sample = Sample(100_000)
        let id = try await store.seal(sample)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { try await store.settle(sample.staged(id)) }
            }
            try await group.waitForAll()
        }
        #expect(try await store.read(sample) == sample.bytes)
        #expect(try root.names("uploads") == [])
    }

    @Test("uploads side by side do not mix, with short writes and resting in between (B7)")
    func sideBySide() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        files.shortenWrites(to: 50_000)
        let store = try await root.store(files, sync: .never)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...24 {
                group.addTask {
                    let sample = Sample(40_000 * number, seed: number)
                    let id = UploadID.new()
                    for batch in sample.batches(of: 100_000) {
                        let write = try await store.upload(id, .sha256)
                        try await write.append(batch)
                        if number.isMultiple(of: 3) { await write.close() }
                    }
                    let write = try await store.upload(id, .sha256)
                    #expect(try await write.digest(.sha256) == sample.digest())
                    #expect(try await write.digest(.sha512) == sample.digest(.sha512))
                    try await write.seal()
                    await write.close()
                    try await store.settle(sample.staged(id))
                    #expect(try await store.read(sample) == sample.bytes)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.uploads().isEmpty)
    }
}

extension Sample {
    fileprivate func knownDigest() throws(BlobError) -> Digest {
        do { return try digest() } catch { throw .absent }
    }
}
