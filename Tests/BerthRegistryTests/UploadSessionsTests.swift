import BerthModel
import Testing

@testable import BerthRegistry

@Suite("Two requests on one upload")
struct UploadSessionsTests {
    private let id: UploadID

    init() {
        var random = SystemRandomNumberGenerator()
        id = UploadID(startedMilliseconds: 1, using: &random)
    }

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

    @Test("a claim that is lost before it says how to interrupt it is interrupted at once")
    func lateInterrupt() async {
        let claim = UploadClaim(id)
        claim.supersede()
        await confirmation { interrupted in claim.interrupt { interrupted() } }
    }
}

@Suite("Leases in memory")
struct LeasesTests {
    @Test("a promise is remembered, and their number is bounded (G2)")
    func bounded() throws {
        let leases = Leases(capacity: 100)
        let first = Digest(.sha256, hash: [UInt8](repeating: 0, count: 32))
        leases.promise(first)
        #expect(leases.lastPromise(of: first) != nil)
        for byte in 1...255 { leases.promise(Digest(.sha256, hash: [UInt8](repeating: UInt8(byte), count: 32))) }
        let last = Digest(.sha256, hash: [UInt8](repeating: 255, count: 32))
        #expect(leases.lastPromise(of: last) != nil)
        #expect(leases.lastPromise(of: first) == nil)
    }
}
