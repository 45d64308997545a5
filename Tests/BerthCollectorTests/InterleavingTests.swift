import Testing

@testable import BerthCatalog

/// A search through the orders in which the steps of pushes, deletions of manifests and of whole repositories, settling,
/// collecting, purging and going back to snapshots can happen, with crashes in between, on the catalog's own code. Each
/// schedule is its seed.
@Suite("Interleavings of pushes, deletions and collecting", .serialized)
struct InterleavingTests {
    @Test("no schedule loses anything, or keeps anything for ever (G1 to G7)")
    func search() async throws {
        let began = ContinuousClock.now
        let found = try await Search().run(schedules: Search.schedules, firstSeed: Search.firstSeed)
        print("\(found.summary); \(began.duration(to: .now))")
        #expect(found.losses.isEmpty, "\(found.losses.count): \(found.losses.prefix(3))")
        #expect(found.schedules == Search.schedules)
        // 3,514 were seen; a change after which steps do not meet any more would leave a search that finds nothing.
        if Search.schedules >= 20_000 { #expect(found.pairs.count > 3_000) }
    }

    /// Where the search begins for what it does not find soon from the first seed on, where it begins for all others.
    private static let beginnings: [CollectorGuards: UInt64] = [
        .lease: 451, .promise: 1_851, .upload: 2_251, .fading: 5_651, .firstLease: 1_851, .goneAlong: 501,
        .manifestLink: 601, .begun: 2_751, .detaching: 8_151, .entry: 501, .parentsFirst: 25_151, .restoring: 2_651,
        .restored: 4_251, .missed: 4_301,
    ]

    @Test("without any one of the collector's guards the search finds the loss", arguments: CollectorGuards.each)
    func guards(left: CollectorGuards) async throws {
        let found = try await Search(guards: .all.subtracting(left), stopsAtLoss: true)
            .run(schedules: 100_000, firstSeed: Self.beginnings[left] ?? 1)
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
