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
        let overflow = try #require((1...150).compactMap { leases.promise(digest($0), in: name).overflow }.first)
        #expect(overflow.promises[Leases.Key(repository: name, digest: digest(0))] == 5)
        #expect(leases.lastPromise(of: digest(0), in: name) == 5, "until it is durable")
        leases.left(overflow, isDurable: true)
        #expect(leases.lastPromise(of: digest(0), in: name) == nil)
        #expect(leases.lastPromise(of: digest(150), in: name) == 5)
    }

    @Test("while nothing can be written, memory stays bounded and everything near counts as promised")
    func latchedOff() throws {
        let name = try RepositoryName("library/box")
        let clock = ManualClock()
        let leases = Leases(capacity: 100, time: RegistryTime(from: 5, clock: clock))
        for number in 0..<10_000 {
            guard let overflow = leases.promise(digest(number), in: name).overflow else { continue }
            clock.pass(1)
            leases.left(overflow, isDurable: false)
            #expect(leases.count <= 150)
        }
        #expect(leases.lastPromise(of: digest(0), in: name) == 200, "when the last one could not be written")
    }

    @Test("repositories have their promises in parts")
    func parts() throws {
        let leases = Leases(capacity: 100_000, time: RegistryTime(from: 5, clock: ManualClock()))
        let names = try (0..<100).map { try RepositoryName("library/box\($0)") }
        for (number, name) in names.enumerated() {
            _ = leases.promise(digest(number), in: name)
            leases.noteUpload(in: name)
        }
        for (number, name) in names.enumerated() {
            #expect(leases.lastPromise(of: digest(number), in: name) == 5)
            #expect(leases.lastUpload(in: name) == 5)
        }
        #expect(leases.count == 100)
        leases.forgetUploads(before: 6)
        #expect(leases.lastUpload(in: names[0]) == nil)
    }

    @Test("where uploads were is bounded, and what had to be forgotten counts as late as it may have been")
    func manyUploads() throws {
        let clock = ManualClock()
        let leases = Leases(capacity: 100, time: RegistryTime(from: 5, clock: clock))
        let names = try (0...100).map { try RepositoryName("library/box\($0)") }
        for name in names.dropLast() { leases.noteUpload(in: name) }
        #expect(leases.lastUpload(in: names[100]) == nil)
        clock.pass(3)
        leases.noteUpload(in: names[0])
        #expect(leases.lastUpload(in: names[1]) == 5, "nothing was forgotten for one that is known")
        leases.noteUpload(in: names[100])
        clock.pass(3)
        leases.noteUpload(in: names[2])
        #expect(leases.lastUpload(in: names[1]) == 8)
        #expect(leases.lastUpload(in: names[2]) == 11)
        #expect(leases.lastUpload(in: try RepositoryName("other/box")) == 8)
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
