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

    /// Where the search finds each loss soon, so that it need not be looked for from the first seed on each time. The
    /// second look is not among them: it finds nothing by itself, and another test takes it out.
    private static let beginnings: [(CollectorGuards, firstSeed: UInt64)] = [
        (.lease, 1), (.promise, 1), (.upload, 1), (.linkEdge, 1), (.fading, 1), (.firstLease, 1), (.window, 1),
        (.edge, 1), (.link, 1), (.staging, 1), (.file, 1), (.row, 1), (.goneAlong, 1), (.manifestLink, 1),
        (.begun, 1), (.detaching, 1), (.entry, 1), (.parentsFirst, 1),
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
