import BerthModel
import Glibc
import NIOCore
import Testing

@testable import BerthBlobs

@Suite("Open files of hot content")
struct DescriptorCacheTests {
    @Test("a hit opens nothing: it only looks whether the file still has a name")
    func hits() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let sample = Sample(1_000)
        try await store.put(sample)
        #expect(store.cached(try sample.digest(), size: sample.size) == nil)
        let first = try await store.open(sample.digest(), size: sample.size)
        let costly = SystemCall.allCases.filter { $0 != .status }
        let calls = costly.map { files.count($0) }
        for _ in 1...3 {
            #expect(store.cached(try sample.digest(), size: sample.size) === first)
            #expect(try await store.open(sample.digest(), size: sample.size) === first)
        }
        #expect(costly.map { files.count($0) } == calls)
        store.evict(try sample.digest())
        #expect(store.cached(try sample.digest(), size: sample.size) == nil)
        #expect(try first.bytes() == sample.bytes, "whoever holds it goes on reading")
    }

    @Test("small content that has to be waited for is read where it is opened, and stays open")
    func readWhereOpened() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let (small, large) = (Sample(64 << 10), Sample((64 << 10) + 1))
        for sample in [small, large] { try await store.put(sample) }
        guard case .bytes(let bytes) = try await store.content(small.digest(), size: small.size) else {
            Issue.record("it was not read")
            return
        }
        #expect(Array(bytes.readableBytesView) == small.bytes)
        let reads = files.count(.read)
        guard case .file = try await store.content(large.digest(), size: large.size),
            case .file(let again) = try await store.content(small.digest(), size: small.size)
        else {
            Issue.record("it was read")
            return
        }
        #expect(files.count(.read) == reads)
        #expect(try again.bytes() == small.bytes)
    }

    @Test("what the kernel has in memory is opened at once, by its name, size and kind alone")
    func fromMemory() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store()
        let (sample, other) = (Sample(1_000), Sample(1_000, seed: 2))
        try await store.put(sample)
        let digest = try sample.digest()
        _ = try await store.open(digest, size: sample.size)
        store.evict(digest)
        let found = try #require(store.cached(digest, size: sample.size), "Linux 5.12 is needed")
        #expect(try found.bytes() == sample.bytes)
        #expect(store.cached(digest, size: sample.size) === found)
        store.evict(digest)
        #expect(store.cached(digest, size: 999) == nil)
        #expect(store.cached(try other.digest(), size: 1_000) == nil)
        try await store.remove(digest)
        #expect(store.cached(digest, size: sample.size) == nil)
        #expect(symlink("/etc/hostname", root.path + "/" + TemporaryRoot.place(digest)) == 0)
        #expect(store.cached(digest, size: sample.size) == nil, "no link is followed")
    }

    @Test("never more are kept than allowed, and the least recently used goes first", arguments: [1, 3, 200])
    func bounds(capacity: Int) async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files, sync: .never, descriptorCache: capacity)
        let samples = (0..<(2 * capacity + 1)).map { Sample(10, seed: $0 + 1) }
        for (_, result) in await store.settle(try samples.map { try $0.staged() }) { try result.get() }
        let before = files.openDescriptors
        for sample in samples {
            _ = try await store.open(samples[0].digest(), size: 10)
            _ = try await store.open(sample.digest(), size: 10)
            #expect(store.openFiles <= capacity)
            #expect(files.openDescriptors <= before + capacity)
        }
        if capacity == 3 {
            let held = try samples.map { store.cached(try $0.digest(), size: 10) != nil }
            #expect(held == [true, false, false, false, false, true, true])
        }
    }

    @Test("where all places are taken, what was cheap to open takes one at its second opening, not at its first")
    func hot() throws {
        let cache = DescriptorCache(capacity: 2)
        let digests = try (1...40).map { try Sample(10, seed: $0).digest() }
        let file = OpenFile(try SystemFiles().openRoot("/"), size: 10, files: SystemFiles())
        func open(_ digest: Digest) { cache.insertIfHot(file, digest, since: cache.generation(digest)) }
        func isKept(_ digest: Digest) -> Bool { cache.file(digest, size: 10) != nil }
        open(digests[0])
        open(digests[1])
        #expect(isKept(digests[0]) && isKept(digests[1]), "there was room")
        for digest in digests[2...] { open(digest) }
        #expect(isKept(digests[0]) && isKept(digests[1]), "a walk pushes nothing out")
        #expect(digests[2...].allSatisfy { !isKept($0) })
        open(digests[9])
        #expect(isKept(digests[9]))
        let generation = cache.generation(digests[20])
        cache.evict(digests[20])
        cache.insertIfHot(file, digests[20], since: generation)
        #expect(!isKept(digests[20]), "opened before an eviction")
    }

    @Test("capacity 0 keeps nothing")
    func nothing() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store(descriptorCache: 0)
        let sample = Sample(10)
        try await store.put(sample)
        #expect(try await store.read(sample) == sample.bytes)
        #expect(store.openFiles == 0)
    }

    @Test("a file opened before an eviction is not kept after it")
    func generations() throws {
        let cache = DescriptorCache(capacity: 4)
        let digest = try Sample(10).digest()
        let file = OpenFile(try SystemFiles().openRoot("/"), size: 10, files: SystemFiles())
        let generation = cache.generation(digest)
        cache.evict(digest)
        cache.insert(file, digest, since: generation)
        #expect(cache.file(digest, size: 10) == nil)
        cache.insert(file, digest, since: cache.generation(digest))
        #expect(cache.file(digest, size: 10) === file)
    }

    @Test("a file opened while its content is being removed is not kept open (G6)")
    func openedMeanwhile() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let store = try await root.store(files)
        let sample = Sample(10)
        let digest = try sample.digest()
        try await store.put(sample)
        files.beforeUnlink { [weak cache = store.cache] in
            // What a pull does between the collector's eviction and its unlink.
            guard let cache, let file = try? OpenFile(SystemFiles().openRoot("/"), size: 10, files: SystemFiles())
            else { return }
            cache.insert(file, digest, since: cache.generation(digest))
        }
        try await store.remove(digest)
        #expect(store.openFiles == 0)
    }

    @Test("a place is listed whole, however many files are in it")
    func places() async throws {
        let root = try TemporaryRoot()
        let store = try await root.store()
        let samples = (1...40).map { Sample(10 + $0, seed: $0) }
        for sample in samples { try await store.put(sample) }
        var found: [Digest: Int64] = [:]
        for place in store.places {
            for file in try await store.files(in: place) { found[file.digest] = file.size }
        }
        #expect(found == Dictionary(uniqueKeysWithValues: try samples.map { (try $0.digest(), $0.size) }))
    }

    @Test("the order of use agrees with a plain list, whatever happens")
    func model() throws {
        var recent = RecentFiles(capacity: 5)
        var expected: [Digest] = []  // oldest first
        let digests = try (0..<12).map { try Sample(10, seed: $0 + 1).digest() }
        let file = OpenFile(try SystemFiles().openRoot("/"), size: 10, files: SystemFiles())
        let choices = Sample(4_000).bytes
        for (choice, which) in zip(choices, choices.dropFirst(2_000)) {
            let digest = digests[Int(which) % digests.count]
            let isThere = expected.contains(digest)
            switch choice % 4 {
            case 0:
                #expect((recent.remove(digest) != nil) == isThere)
                expected.removeAll { $0 == digest }
            case 1:
                #expect((recent.use(digest) != nil) == isThere)
                if isThere { expected = expected.filter { $0 != digest } + [digest] }
            default:
                _ = recent.insert(file, digest)
                if !isThere { expected = (expected + [digest]).suffix(5) }
            }
            #expect(recent.count == expected.count)
            for digest in digests { #expect(recent.contains(digest) == expected.contains(digest)) }
        }
    }
}
