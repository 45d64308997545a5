import BerthBlobs
import BerthModel
import BerthTestSupport
import NIOCore
import Testing

/// Each system call of a task fails once, in its turn, until none is left: a clear error, nothing half there, never wrong
/// bytes, and a later success, in the same store as well as after a restart.
@Suite("Whichever system call fails")
struct EveryFailureTests {
    enum Afterwards: CaseIterable, Sendable { case goesOn, restarts }
    enum Trouble: CaseIterable, Sendable { case once, forGood }

    static let errors = [ErrorNumber.noSpaceLeft, .inputOutput, .tooManyOpen]
    static let cases = errors.flatMap { error in
        Trouble.allCases.flatMap { trouble in Afterwards.allCases.map { (error, trouble, $0) } }
    }

    /// Runs `scenario` with the first, the second, the third … call failing.
    private func everyCall(_ scenario: (FaultyFiles, _ nth: Int) async throws -> Void) async throws {
        var failures = 0
        for nth in 1... {
            let files = FaultyFiles()
            try await scenario(files, nth)
            #expect(files.repeatedSyncs == 0, "a failed sync is never repeated on the same file (B6)")
            guard files.hasFailed else { break }
            failures += 1
        }
        #expect(failures > 0, "a test in which nothing failed has tested nothing")
    }

    private func expectClear(_ thrown: BlobError?, _ error: ErrorNumber, _ id: UploadID? = nil) {
        switch thrown {
        case nil: break
        case .absent: Issue.record("trouble is not absence (B9)")
        case .noSpace: #expect(error == .noSpaceLeft)
        case .dead(let dead): #expect(dead == id)
        case .failed(_, let code): #expect(error.code == code)
        }
    }

    private func expectNoTemporaries(_ root: TemporaryRoot, _ files: FaultyFiles) throws {
        guard files.failed != .unlink else { return }  // what could not be removed, the next start removes
        #expect(try root.names("uploads").filter { $0.hasSuffix(".tmp") }.isEmpty)
    }

    @Test(
        "a large upload is sealed and settled, or goes on later (B1, B2, B4, B5, B6, B7)", arguments: cases,
        [false, true])
    func largeUpload(way: (error: ErrorNumber, trouble: Trouble, afterwards: Afterwards), isDirect: Bool) async throws {
        let (error, trouble, afterwards) = way
        let sample = Sample(200_000)
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            var store = try await root.store(files)
            let id = UploadID.new()
            var (isSealed, isSettled, thrown) = (false, false, BlobError?.none)
            files.arm(failing: nth, with: error, forGood: trouble == .forGood)
            do {
                let write = try await store.upload(id, .sha256)
                if isDirect {
                    let input = ScriptedInput(sample)
                    while try await write.append(from: input, upTo: 1 << 20) > 0 {}
                } else {
                    try await write.append(sample)
                }
                #expect(try await write.digest(.sha256) == sample.digest())
                try await write.seal()
                isSealed = true
                await write.close()
                try await store.settle(sample.staged(id))
                isSettled = true
                #expect(try await store.read(sample) == sample.bytes)
            } catch let error as BlobError { thrown = error }
            files.disarm()
            #expect(files.hasFailed || thrown == nil)
            expectClear(thrown, error, id)
            if trouble == .once { try expectNoTemporaries(root, files) }

            if afterwards == .restarts { store = try await root.store() }
            if !isSealed {
                for upload in try await store.uploads() where upload.isSealed { try await store.unseal(upload.id) }
                if thrown == .dead(id) { try await store.discard(id) }
                let write = try await store.upload(id, .sha256)
                #expect(write.offset <= sample.size)
                try await write.append(sample)
                #expect(try await write.digest(.sha256) == sample.digest())
                try await write.seal()
            }
            if !isSettled { try await store.settle(sample.staged(id)) }
            #expect(try await store.read(sample) == sample.bytes)
            #expect(try root.read(TemporaryRoot.place(sample.digest())) == sample.bytes)
            _ = try await root.store()
            #expect(try root.names("uploads") == [])
        }
    }

    @Test("small content settles, or does later (B1, B2, B4)", arguments: cases)
    func smallContent(error: ErrorNumber, trouble: Trouble, afterwards: Afterwards) async throws {
        let samples = [Sample(3_000), Sample(4_000, seed: 2)]
        let batch = try samples.map { try $0.staged() }
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            var store = try await root.store(files)
            files.arm(failing: nth, with: error, forGood: trouble == .forGood)
            let results = await store.settle(batch)
            files.disarm()
            for (sample, content) in zip(samples, batch) {
                switch results[content.digest] {
                case .success: #expect(try await store.read(sample) == sample.bytes)
                case .failure(let failure): expectClear(failure, error)
                case nil: Issue.record("every digest of a batch gets an answer")
                }
            }
            if trouble == .once { try expectNoTemporaries(root, files) }
            if afterwards == .restarts { store = try await root.store() }
            for (_, result) in await store.settle(batch) { try result.get() }
            for sample in samples { #expect(try await store.read(sample) == sample.bytes) }
        }
    }

    @Test("an upload is resumed, or can be later (B7)", arguments: errors)
    func resuming(error: ErrorNumber) async throws {
        let sample = Sample(300_000)
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            let id = UploadID.new()
            do {
                let write = try await root.store().upload(id, .sha256)
                for batch in sample.batches().prefix(3) { try await write.append(batch) }
                try await write.flush()
            }
            let store = try await root.store(files)
            files.arm(failing: nth, with: error)
            do {
                let write = try await store.upload(id, .sha256)
                try await write.append(sample)
                #expect(try await write.digest(.sha512) == sample.digest(.sha512))
            } catch let thrown as BlobError { expectClear(thrown, error, id) }
            files.disarm()
            let write = try await store.upload(id, .sha256)
            #expect(write.offset >= 3 * 64 << 10)
            try await write.append(sample)
            #expect(try await write.digest(.sha256) == sample.digest())
        }
    }

    @Test("a rollback restores the checkpoint, or the upload is dead (B7)", arguments: errors)
    func rollingBack(error: ErrorNumber) async throws {
        let (kept, lost) = (Sample(100_000), Sample(100_000, seed: 2))
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            let store = try await root.store(files)
            let id = UploadID.new()
            let write = try await store.upload(id, .sha256)
            try await write.append(kept)
            try await write.checkpoint()
            files.arm(failing: nth, with: error)
            do {
                try await write.append(lost.batches()[0])
                try await write.flush()
            } catch let thrown as BlobError { expectClear(thrown, error, id) }
            do {
                try await write.rollback()
                files.disarm()
                #expect(write.offset == kept.size)
                #expect(try await write.digest(.sha256) == kept.digest())
                #expect(try await store.uploadSize(id) == kept.size)
            } catch let thrown as BlobError {
                files.disarm()
                #expect(thrown == .dead(id))
                await #expect(throws: BlobError.dead(id)) { try await store.upload(id, .sha256) }
                #expect(try await store.uploads().isEmpty)
            }
        }
    }

    @Test("sealing is undone, or the upload is dead", arguments: errors)
    func unsealing(error: ErrorNumber) async throws {
        let sample = Sample(100_000)
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            let store = try await root.store(files)
            let id = UploadID.new()
            let write = try await store.upload(id, .sha256)
            try await write.append(sample)
            try await write.seal()
            files.arm(failing: nth, with: error)
            do {
                try await write.unseal()
            } catch let thrown as BlobError { expectClear(thrown, error, id) }
            files.disarm()
            do {
                try await write.unseal()
                #expect(try await store.uploads().map(\.isSealed) == [false])
                #expect(try await write.digest(.sha256) == sample.digest())
            } catch BlobError.dead {
                #expect(try await store.uploads().isEmpty)
            }
        }
    }

    @Test(
        "content is read, or there is trouble, but it is never absent (B9)",
        arguments: [ErrorNumber.inputOutput, .tooManyOpen])
    func reading(error: ErrorNumber) async throws {
        let root = try TemporaryRoot()
        let sample = Sample(1_000)
        let sealed = Sample(70_000, seed: 2)
        try await root.store().put(sample)
        let id = try await root.store().seal(sealed)
        try await everyCall { files, nth in
            let store = try await root.store(files)
            files.arm(failing: nth, with: error)
            do {
                #expect(try await store.read(sample) == sample.bytes)
                #expect(try await store.isPresent(sample.digest(), size: sample.size))
                #expect(try await store.openSealed(id, size: sealed.size).bytes() == sealed.bytes)
                #expect(try await store.uploads().map(\.id) == [id])
            } catch let thrown as BlobError { expectClear(thrown, error) }
            files.disarm()
            #expect(try await store.read(sample) == sample.bytes)
        }
    }

    @Test("removing removes, or can be repeated", arguments: errors)
    func removing(error: ErrorNumber) async throws {
        let sample = Sample(1_000)
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            let store = try await root.store(files)
            try await store.put(sample)
            let id = try await store.seal(sample)
            files.arm(failing: nth, with: error)
            do {
                try await store.remove(sample.digest())
                try await store.discardSealed(id)
            } catch let thrown as BlobError { expectClear(thrown, error) }
            files.disarm()
            try await store.remove(sample.digest())
            try await store.discardSealed(id)
            #expect(try await !store.isPresent(sample.digest(), size: sample.size))
            #expect(try await store.uploads().isEmpty)
        }
    }

    @Test("a store opens, or can be opened later", arguments: errors)
    func opening(error: ErrorNumber) async throws {
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            files.arm(failing: nth, with: error)
            do {
                _ = try await root.store(files)
            } catch let thrown as BlobError { expectClear(thrown, error) }
            files.disarm()
            let store = try await root.store(files)
            try await store.put(Sample(100_000))
            try await store.checkWritable()
        }
    }

    @Test("no descriptor stays open", arguments: [ErrorNumber.inputOutput])
    func descriptors(error: ErrorNumber) async throws {
        let sample = Sample(100_000)
        try await everyCall { files, nth in
            let root = try TemporaryRoot()
            do {
                files.arm(failing: nth, with: error)
                let store = try await root.store(files)
                let id = try await store.seal(sample)
                try await store.settle([sample.staged(id)]).values.first?.get()
                _ = try await store.read(sample)
            } catch is BlobError {}
            // The store's threads let go of it in their own time.
            try await eventually("nothing is open") { files.openDescriptors == 0 }
        }
    }
}
