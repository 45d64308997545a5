import BerthBlobs
import BerthModel
import NIOCore
import Testing

/// What every blob store must do, whatever it is made of. Each promise gets an empty store.
struct BlobStoreContract: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let check: @Sendable (any BlobStore) async throws -> Void

    init(_ description: String, _ check: @escaping @Sendable (any BlobStore) async throws -> Void) {
        (testDescription, self.check) = (description, check)
    }

    static let all: [BlobStoreContract] = reading + writing + settling

    private static let reading = [
        BlobStoreContract("what is not there is absent (B9)") { store in
            let sample = Sample(10)
            await #expect(throws: BlobError.absent) { try await store.open(sample.digest(), size: 10) }
            await #expect(throws: BlobError.absent) { try await store.content(sample.digest(), size: 10) }
            await #expect(throws: BlobError.absent) { try await store.openSealed(.new(), size: 10) }
            #expect(try await !store.isPresent(sample.digest(), size: 10))
            #expect(store.cached(try sample.digest(), size: 10) == nil)
            #expect(try await store.uploads().isEmpty)
            try await store.checkWritable()
        },
        BlobStoreContract("content of another size than asked for is absent (B9)") { store in
            let sample = Sample(1_000)
            try await store.put(sample)
            #expect(try await store.read(sample) == sample.bytes)
            await #expect(throws: BlobError.absent) { try await store.open(sample.digest(), size: 999) }
            await #expect(throws: BlobError.absent) { try await store.content(sample.digest(), size: 999) }
            #expect(store.cached(try sample.digest(), size: 999) == nil)
            #expect(try await store.isPresent(sample.digest(), size: 1_000))
            #expect(try await !store.isPresent(sample.digest(), size: 1_001))
        },
        BlobStoreContract("content for a reader is all of it, small or large") { store in
            for size in [0, 1, 64 << 10, (64 << 10) + 1, 700_001] {
                let sample = Sample(size)
                try await store.put(sample)
                store.evict(try sample.digest())
                for _ in 1...2 {
                    let content = try await store.content(sample.digest(), size: sample.size)
                    #expect(content.size == sample.size)
                    #expect(try content.bytes() == sample.bytes)
                }
            }
        },
        BlobStoreContract("removed content is absent, and removing it again is no error") { store in
            let sample = Sample(1_000)
            try await store.put(sample)
            let held = try await store.open(sample.digest(), size: sample.size)
            try await store.remove(sample.digest())
            try await store.remove(sample.digest())
            #expect(store.cached(try sample.digest(), size: sample.size) == nil)
            await #expect(throws: BlobError.absent) { try await store.open(sample.digest(), size: sample.size) }
            #expect(try held.bytes() == sample.bytes, "whoever reads goes on reading")
        },
    ]

    private static let writing = [
        BlobStoreContract("an upload's offset follows its bytes, and its digest too (B7)") { store in
            let sample = Sample(700_001)
            let id = UploadID.new()
            let write = try await store.upload(id, .sha256)
            #expect(write.offset == 0)
            #expect(try await store.uploadSize(id) == nil, "nothing is written before the first bytes come")
            #expect(try await write.digest(.sha256) == .ofNothing(.sha256))
            var sent: Int64 = 0
            for batch in sample.batches(of: 256 << 10) {
                try await write.append(batch)
                sent += batch.reduce(0) { $0 + Int64($1.readableBytes) }
                #expect(write.offset == sent)
            }
            try await write.flush()
            #expect(try await store.uploadSize(id) == sample.size)
            for algorithm in Digest.Algorithm.allCases {
                #expect(try await write.digest(algorithm) == sample.digest(algorithm))
            }
            #expect(try await store.uploads().map(\.size) == [sample.size])
        },
        BlobStoreContract("what the store receives by itself follows what it was given (B7)") { store in
            let sample = Sample(3_000_000)
            let id = UploadID.new()
            let write = try await store.upload(id, .sha256)
            let given = sample.batches()[0]
            try await write.append(given)
            let input = ScriptedInput(sample, from: 64 << 10)
            var (taken, sum) = (Int64(0), Int64(64 << 10))
            repeat {
                taken = try await write.append(from: input, upTo: 1 << 20)
                #expect(taken <= 1 << 20)
                sum += taken
                #expect(write.offset == sum)
            } while taken > 0
            #expect(sum == sample.size)
            let last: [UInt8] = [1, 2, 3]
            try await write.append([ByteBuffer(bytes: last)])
            let whole = Sample(bytes: sample.bytes + last)
            #expect(try await write.bytes(upTo: 1 << 30) == whole.bytes)
            for algorithm in Digest.Algorithm.allCases {
                #expect(try await write.digest(algorithm) == whole.digest(algorithm))
            }
        },
        BlobStoreContract("an upload goes on after it was closed") { store in
            let sample = Sample(300_000)
            let id = UploadID.new()
            for batch in sample.batches() {
                let write = try await store.upload(id, .sha512)
                try await write.append(batch)
                await write.close()
            }
            let write = try await store.upload(id, .sha512)
            #expect(write.offset == sample.size)
            #expect(try await write.digest(.sha512) == sample.digest(.sha512))
            #expect(try await write.bytes(upTo: 300_000) == sample.bytes)
            #expect(try await write.bytes(upTo: 299_999) == nil)
        },
        BlobStoreContract("a rollback takes back what came after the checkpoint (B7)") { store in
            let (kept, lost) = (Sample(200_000), Sample(100_000, seed: 2))
            let id = UploadID.new()
            let write = try await store.upload(id, .sha256)
            try await write.append(kept)
            try await write.checkpoint()
            for _ in 1...2 {
                try await write.append(lost.batches()[0])
                #expect(try await write.digest(.sha256) != kept.digest())
                try await write.rollback()
                #expect(write.offset == kept.size)
                #expect(try await store.uploadSize(id) == kept.size)
                for algorithm in Digest.Algorithm.allCases {
                    #expect(try await write.digest(algorithm) == kept.digest(algorithm))
                }
            }
        },
        BlobStoreContract("a rollback without a checkpoint takes back everything") { store in
            let write = try await store.upload(.new(), .sha256)
            try await write.append(Sample(1_000))
            try await write.rollback()
            #expect(write.offset == 0)
            #expect(try await write.digest(.sha256) == .ofNothing(.sha256))
            try await write.append(Sample(1_000, seed: 3))
            #expect(try await write.digest(.sha256) == Sample(1_000, seed: 3).digest())
        },
        BlobStoreContract("a sealed upload takes no bytes; unsealed it does again") { store in
            let sample = Sample(100_000)
            let id = UploadID.new()
            let write = try await store.upload(id, .sha256)
            try await write.append(sample.batches()[0])
            try await write.seal()
            #expect(try await store.uploads().map(\.isSealed) == [true])
            await #expect(throws: BlobError.self) {
                try await write.append(sample.batches()[1])
                try await write.flush()
            }
            try await write.unseal()
            try await write.append(sample)
            #expect(try await write.digest(.sha256) == sample.digest())
            try await write.seal()
            #expect(try await store.openSealed(id, size: sample.size).bytes() == sample.bytes)
        },
        BlobStoreContract("a finished upload is not touched by another one of its id (B3)") { store in
            let id = UploadID.new()
            let sample = Sample(100_000)
            let first = try await store.upload(id, .sha256)
            try await first.append(sample)
            try await first.seal()
            await first.close()
            try await store.discard(id)
            #expect(try await store.openSealed(id, size: sample.size).bytes() == sample.bytes)
            let second = try await store.upload(id, .sha256)
            try await second.append(Sample(100_000, seed: 2))
            await #expect(throws: BlobError.dead(id)) { try await second.seal() }
            await second.close()
            try await store.discard(id)
            #expect(try await store.openSealed(id, size: sample.size).bytes() == sample.bytes)
        },
        BlobStoreContract("a discarded upload is gone, in every state") { store in
            let id = UploadID.new()
            try await store.discard(id)
            for isSealed in [false, true] {
                let write = try await store.upload(id, .sha256)
                #expect(write.offset == 0)
                try await write.append(Sample(1_000))
                if isSealed { try await write.seal() }
                if isSealed { try await store.discardSealed(id) } else { try await store.discard(id) }
                #expect(try await store.uploads().isEmpty)
                await #expect(throws: BlobError.dead(id)) {
                    try await write.append([ByteBuffer(string: "too late")])
                    try await write.flush()
                }
            }
        },
    ]

    private static let settling = [
        BlobStoreContract("small and large content settles, and settles again (B4, G7)") { store in
            let (small, large) = (Sample(5_000), Sample(500_000, seed: 2))
            let id = try await store.seal(large)
            let batch = [try small.staged(), try large.staged(id)]
            for _ in 1...2 {
                let results = await store.settle(batch)
                #expect(results.count == 2)
                for result in results.values { try result.get() }
                #expect(try await store.read(small) == small.bytes)
                #expect(try await store.read(large) == large.bytes)
            }
            #expect(try await store.uploads().isEmpty)
        },
        BlobStoreContract("one that cannot settle leaves the others of its batch alone (B6)") { store in
            let (good, lost) = (Sample(5_000), Sample(500_000, seed: 2))
            let results = await store.settle([try good.staged(), try lost.staged(.new())])
            try results[good.digest()]?.get()
            #expect(throws: BlobError.absent) { try results[lost.digest()]?.get() }
            #expect(try await store.read(good) == good.bytes)
        },
        BlobStoreContract("content of no bytes is content") { store in
            let nothing = Sample(0)
            try await store.settle(nothing.staged())
            #expect(try await store.read(nothing) == [])
            try await store.put(nothing)
            #expect(try await store.read(nothing) == [])
        },
        BlobStoreContract("many uploads of one digest all succeed") { store in
            let sample = Sample(200_000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        if number.isMultiple(of: 2) {
                            try await store.put(sample)
                        } else {
                            try await store.settle(sample.staged())
                        }
                        #expect(try await store.read(sample) == sample.bytes)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await store.uploads().isEmpty)
        },
    ]
}
