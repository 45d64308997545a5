import BerthModel
import BerthTestSupport
import Dispatch
import NIOCore
import Synchronization
import Testing

@testable import BerthBlobs

@Suite("The store's threads")
struct ThreadTests {
    @Test("jobs on one state run one at a time, in order, on whatever lane")
    func serial() async throws {
        let state = SerialState([Int](), workers: Workers(threads: 4))
        for number in 0..<1_000 {
            state.submit(Lane.allCases[number % 3]) { $0.append(number) }
        }
        #expect(try await state.run(.calls) { $0 } == Array(0..<1_000))
    }

    @Test("one digest at a time, and the next in line afterwards")
    func locks() async throws {
        let locks = DigestLocks()
        let digests = [try Sample(1).digest(), try Sample(2).digest()]
        let inside = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    try await locks.withLocks([digests[0]]) { () async throws(BlobError) in
                        #expect(inside.add(1) == 1)
                        await Task.yield()
                        inside.add(-1)
                    }
                }
                group.addTask { try await locks.withLocks(Set(digests)) { () async throws(BlobError) in } }
            }
            try await group.waitForAll()
        }
        await #expect(throws: BlobError.noSpace) {
            try await locks.withLocks([digests[0]]) { () async throws(BlobError) in throw .noSpace }
        }
        try await locks.withLocks([digests[0]]) { () async throws(BlobError) in }
    }

    @Test("a sync asked for while one runs is a new one, shared by all that ask meanwhile")
    func folderSync() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let folder = Folder(try files.openRoot(root.path), files: files)
        let sync = FolderSync(folder.descriptor, files: files, workers: Workers(threads: 2))
        try await sync.sync()
        #expect(files.count(.sync) == 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { try await sync.sync() } }
            try await group.waitForAll()
        }
        #expect(files.count(.sync) <= 101)
        files.arm(failing: 1, with: .inputOutput, of: [.sync])
        await #expect(throws: BlobError.self) { try await sync.sync() }
        try await sync.sync()
    }

    @Test("write-back is started by windows and waited for when it falls behind")
    func writeBack() {
        var plan = WriteBack()
        let window = WriteBack.window
        #expect(plan.rangeToStart(at: window - 1) == nil)
        #expect(plan.rangeToStart(at: window + 5) == 0..<(window + 5))
        #expect(plan.rangeToStart(at: window + 6) == nil)
        #expect(plan.rangeToAwait == nil)
        #expect(plan.rangeToStart(at: 10 * window) == (window + 5)..<(10 * window))
        #expect(plan.rangeToAwait == 0..<window)
        plan.noteAwaited(0..<window)
        #expect(plan.rangeToAwait == window..<(2 * window))
        plan.cut(to: 100)
        #expect(plan.rangeToAwait == nil)
        #expect(plan.rangeToStart(at: window + 100) == 100..<(window + 100))
    }

    @Test("a sealed upload that is put to rest before its sync is synced all the same (B5, B6)")
    func restBeforeSync() throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let folder = Folder(try files.openRoot(root.path), files: files)
        let reserve = Reserve(size: 0, in: folder.descriptor, files: files)
        let uploads = UploadFolder(folder, files: files, workers: Workers(threads: 1), reserve: reserve, syncs: true)
        var file = try UploadFile(.new(), .sha256, in: uploads)
        try file.write([ByteBuffer(bytes: Sample(1_000).bytes)])
        try file.seal()
        try file.rest()
        try file.sync()
    }

    @Test("an upload that could receive for ever leaves its thread to whoever waits for one", arguments: [false, true])
    func turns(somebodyWaits: Bool) async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let workers = Workers(threads: 2)
        let folder = Folder(try files.openRoot(root.path), files: files)
        let reserve = Reserve(size: 0, in: folder.descriptor, files: files)
        let uploads = UploadFolder(folder, files: files, workers: workers, reserve: reserve, syncs: false)
        let table = UploadTable(mostOpen: 9, mostRemembered: 9)
        let write = FileBlobWrite(try UploadFile(.new(), .sha256, in: uploads), in: uploads, table: table)
        let (isBusy, isOver) = (Gate(), DispatchSemaphore(value: 0))
        workers.submit(.bytes) {
            isBusy.open()
            isOver.wait()
        }
        defer { isOver.signal() }
        await isBusy.pass()
        let input = ScriptedInput(Sample(100_000), endless: true) {
            // Waits for the thread that reads: the other one is busy.
            if somebodyWaits { workers.submit(.bytes) {} }
        }
        let taken = try await write.append(from: input, upTo: 4 << 20)
        #expect(taken > (somebodyWaits ? 1 << 20 : 3 << 20))
        #expect(taken <= (somebodyWaits ? (1 << 20) + (256 << 10) : 4 << 20))
    }

    @Test("input that comes no faster than it is written is given back: the connection measures slow senders")
    func slowInput() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let folder = Folder(try files.openRoot(root.path), files: files)
        let reserve = Reserve(size: 0, in: folder.descriptor, files: files)
        let uploads = UploadFolder(
            folder, files: files, workers: Workers(threads: 2), reserve: reserve, syncs: false)
        let table = UploadTable(mostOpen: 9, mostRemembered: 9)
        let write = FileBlobWrite(try UploadFile(.new(), .sha256, in: uploads), in: uploads, table: table)
        let input = ScriptedInput(Sample(1_000), endless: true)
        #expect(try await write.append(from: input, upTo: 4 << 20) == 1_000)
        #expect(input.isGivenBack)
        #expect(try await write.append(from: input, upTo: 4 << 20) == 0)
    }

    @Test("uploads at rest keep few descriptors and their hashes; forgotten ones are read again (B7)")
    func resting() async throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        let table = UploadTable(mostOpen: 2, mostRemembered: 3)
        let workers = Workers(threads: 2)
        let folder = Folder(try files.openRoot(root.path), files: files)
        let reserve = Reserve(size: 0, in: folder.descriptor, files: files)
        let uploads = UploadFolder(folder, files: files, workers: workers, reserve: reserve, syncs: false)
        let ids = (0..<10).map { _ in UploadID.new() }
        for id in ids {
            let write = FileBlobWrite(try UploadFile(id, .sha256, in: uploads), in: uploads, table: table)
            table.insert(write)
            try await write.append(Sample(1_000))
            await write.close()
        }
        try await eventually("two uploads and the folder are open") { files.openDescriptors == 3 }
        let remembered = ids.filter { table.use($0) != nil }
        #expect(remembered.count <= 6)
        #expect(remembered.suffix(2) == ids.suffix(2))
        for id in remembered {
            let write = try #require(table.use(id))
            try await write.append([ByteBuffer(bytes: Sample(2_000).bytes[1_000...])])
            #expect(write.offset == 2_000)
        }
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)
    @discardableResult
    func add(_ number: Int) -> Int { value.add(number, ordering: .relaxed).newValue }
}
