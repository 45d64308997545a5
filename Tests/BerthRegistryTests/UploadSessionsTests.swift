import BerthBlobs
import BerthModel
import BerthTestSupport
import NIOCore
import Synchronization
import Testing

@testable import BerthRegistry

@Suite("Two requests on one upload")
struct UploadSessionsTests {
    private let id: UploadID

    init() { id = .random() }

    @Test("the later wins: the earlier is told at once, and the later waits until it has let go")
    func later() async throws {
        let sessions = UploadSessions()
        let first = try await sessions.claim(id)
        await confirmation { told in
            let (signal, signalled) = AsyncStream.makeStream(of: Void.self)
            first.interrupt {
                told()
                signalled.finish()
            }
            async let second = sessions.claim(id)
            for await _ in signal {}
            #expect(first.isSuperseded)
            await sessions.release(first, keeping: nil)
            let claim = try? await second
            #expect(claim?.isSuperseded == false)
            if let claim { await sessions.release(claim, keeping: nil) }
        }
        #expect(sessions.count == 0)
    }

    @Test("of many that wait only the last one gets its turn, and none is left behind")
    func many() async throws {
        let sessions = UploadSessions()
        let first = try await sessions.claim(id)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask { [id] in
                    guard let claim = try? await sessions.claim(id) else { return false }
                    await sessions.release(claim, keeping: nil)
                    return true
                }
            }
            await sessions.release(first, keeping: nil)
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(outcomes.contains(true))
        #expect(sessions.count == 0)
    }

    enum Cause: CaseIterable, Sendable { case age, number }

    @Test("a request on an idle upload whose file is being closed waits for the end of that", arguments: Cause.allCases)
    func closing(cause: Cause) async throws {
        let sessions = UploadSessions(mostIdle: 256)
        let slow = ClosingWrite(id)
        await sessions.release(try await sessions.claim(id), keeping: slow)
        if cause == .number {
            for _ in 0..<255 {
                let write = ClosingWrite(.random())
                await sessions.release(try await sessions.claim(write.id), keeping: write)
            }
        }
        let closing = Task {
            switch cause {
            case .age: await sessions.closeIdle(olderThan: .seconds(-1))
            case .number:
                let write = ClosingWrite(.random())
                guard let last = sessions.claimIfFree(write.id) else { return }
                await sessions.release(last, keeping: write)
            }
        }
        await slow.isClosing.pass()
        let tooEarly = sessions.claimIfFree(id)
        #expect(tooEarly == nil)
        if let tooEarly { await sessions.release(tooEarly, keeping: nil) }
        let claiming = Task { [id] in
            let claim = try await sessions.claim(id)
            return (claim, wasClosed: slow.isClosed)
        }
        slow.mayClose.open()
        let (claim, wasClosed) = try await claiming.value
        #expect(wasClosed)
        #expect(sessions.takeWrite(claim) == nil)
        await closing.value
        await sessions.release(claim, keeping: nil)
        #expect(sessions.count == (cause == .age ? 0 : 256))
    }

    @Test("the first request on an upload that was named here is the first, whoever else comes, and no other one is")
    func first() async throws {
        let sessions = UploadSessions()
        sessions.begin(id)
        let first = try await sessions.claim(id)
        #expect(first.isFirst)
        async let waiting = sessions.claim(id)
        await sessions.release(first, keeping: nil)
        let second = try await waiting
        #expect(!second.isFirst)
        await sessions.release(second, keeping: nil)

        let (unknown, swept) = (UploadID.random(), UploadID.random())
        let claim = try await sessions.claim(unknown)
        #expect(!claim.isFirst, "named before a restart, or by nobody")
        await sessions.release(claim, keeping: nil)
        sessions.begin(swept)
        let sweeper = try #require(sessions.claimIfFree(swept))
        await sessions.release(sweeper, keeping: nil)
        let late = try await sessions.claim(swept)
        #expect(!late.isFirst)
        await sessions.release(late, keeping: nil)
        #expect(sessions.count == 0)
    }

    @Test("names that nobody uses are forgotten, the oldest first")
    func bounded() {
        var fresh = FreshUploads()
        let ids = (0..<5_000).map { _ in UploadID.random() }
        for id in ids { fresh.insert(id) }
        let known = ids.filter { fresh.take($0) }
        #expect(known.count >= 1_024 && known.count <= 2_048)
        #expect(known == ids.suffix(known.count))
        #expect(!ids.contains { fresh.take($0) }, "each is taken once")
    }

    @Test("a claim that is lost before it says how to interrupt it is interrupted at once")
    func lateInterrupt() async {
        let claim = UploadClaim(id)
        claim.supersede()
        await confirmation { interrupted in claim.interrupt { interrupted() } }
    }
}

extension UploadID {
    fileprivate static func random() -> UploadID {
        var random = SystemRandomNumberGenerator()
        return UploadID(startedMilliseconds: 1, using: &random)
    }
}

/// An upload without a file, whose closing takes as long as the test wants.
private final class ClosingWrite: BlobWrite {
    let id: UploadID
    let offset: Int64 = 0
    let (isClosing, mayClose) = (Gate(), Gate())
    private let closed = Atomic(false)

    init(_ id: UploadID) { self.id = id }

    var isClosed: Bool { closed.load(ordering: .sequentiallyConsistent) }

    func close() async {
        isClosing.open()
        await mayClose.pass()
        closed.store(true, ordering: .sequentiallyConsistent)
    }

    func append(_ batch: [ByteBuffer]) async throws(BlobError) { throw .dead(id) }
    func append(from input: any DirectInput, upTo most: Int64) async throws(BlobError) -> Int64 { throw .dead(id) }
    func flush() async throws(BlobError) {}
    func checkpoint() async throws(BlobError) {}
    func rollback() async throws(BlobError) {}
    func digest(_ algorithm: Digest.Algorithm) async throws(BlobError) -> Digest { throw .dead(id) }
    func bytes(upTo limit: Int) async throws(BlobError) -> [UInt8]? { nil }
    func seal() async throws(BlobError) { throw .dead(id) }
    func unseal() async throws(BlobError) { throw .dead(id) }
}
