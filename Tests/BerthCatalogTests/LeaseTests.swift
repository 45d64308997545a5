import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Leases in memory")
struct LeaseTests {
    @Test("a promise is remembered for its repository; what memory has no room for goes into the catalog (G2)")
    func bounded() throws {
        let name = try RepositoryName("library/box")
        let leases = Leases(capacity: 100, time: RegistryTime(from: 5, clock: ManualClock()))
        _ = leases.promise(digest(0), in: name)
        #expect(leases.lastPromise(of: digest(0), in: name) == 5)
        #expect(leases.lastPromise(of: digest(0), in: try RepositoryName("other/box")) == nil)
        var overflow: [Leases.Key: Int64] = [:]
        for number in 1...150 {
            if let more = leases.promise(digest(number), in: name).overflow { overflow.merge(more) { $1 } }
        }
        #expect(overflow[Leases.Key(repository: name, digest: digest(0))] == 5)
        #expect(leases.lastPromise(of: digest(0), in: name) == 5, "until it is durable")
        leases.left(isDurable: true)
        #expect(leases.lastPromise(of: digest(0), in: name) == nil)
        #expect(leases.lastPromise(of: digest(150), in: name) == 5)
    }

    @Test("a promise that is taken back leaves the one before it")
    func withdrawn() throws {
        let name = try RepositoryName("library/box")
        let clock = ManualClock()
        let leases = Leases(capacity: 100, time: RegistryTime(from: 5, clock: clock))
        _ = leases.promise(digest(1), in: name)
        clock.pass(3)
        leases.withdraw(leases.promise(digest(1), in: name).0)
        #expect(leases.lastPromise(of: digest(1), in: name) == 5)
        leases.withdraw(leases.promise(digest(2), in: name).0)
        #expect(leases.lastPromise(of: digest(2), in: name) == nil)
    }
}
