import Testing

@testable import BerthCatalog

/// A search through the orders in which the steps of pushes, deletions, settling and collecting can happen, with crashes
/// in between, on the catalog's own code. Each schedule is its seed.
@Suite("Interleavings of pushes, deletions and collecting", .serialized)
struct InterleavingTests {
    @Test("no schedule loses anything, or keeps anything for ever (G1 to G7)")
    func search() async throws {
        let began = ContinuousClock.now
        let found = try await Search().run(schedules: Search.schedules, firstSeed: 1)
        print("\(found.summary); \(began.duration(to: .now))")
        #expect(found.losses.isEmpty, "\(found.losses.count): \(found.losses.prefix(3))")
        #expect(found.schedules == Search.schedules)
    }

    /// Where the search finds each loss soon, so that it need not be looked for from the first seed on each time. Four
    /// are not among them, for each stands behind another one: the second look, that edges keep content, that parents go
    /// first, and that a purge once begun goes to its end. Tests of single steps take them out.
    private static let beginnings: [(CollectorGuards, firstSeed: UInt64)] = [
        (.lease, 201), (.promise, 101), (.upload, 3_051), (.linkEdge, 51), (.fading, 1_351), (.firstLease, 1_701),
        (.window, 301), (.link, 51), (.staging, 101), (.file, 901), (.row, 51), (.goneAlong, 5_651),
        (.manifestLink, 401), (.detaching, 1_751), (.entry, 501),
    ]

    @Test("without any one of the collector's guards the search finds the loss", arguments: beginnings)
    func guards(left: CollectorGuards, firstSeed: UInt64) async throws {
        let found = try await Search(guards: .all.subtracting(left), stopsAtLoss: true)
            .run(schedules: 100_000, firstSeed: firstSeed)
        print(
            "without guard \(left.rawValue): \(found.losses.first ?? "nothing lost") after \(found.schedules) schedules"
        )
        let loss = try #require(found.losses.first)
        // With it, the same schedules lose nothing.
        let seed = found.lossSeeds[0]
        let whole = try await Search().run(schedules: 1, firstSeed: seed)
        #expect(whole.losses.isEmpty, "\(loss) is lost anyway")
    }

    @Test("a settler that did not wait for the unlink would lose content")
    func locks() async throws {
        let found = try await Search(locks: false, stopsAtLoss: true).run(schedules: 60_000, firstSeed: 1)
        #expect(!found.losses.isEmpty)
    }
}
