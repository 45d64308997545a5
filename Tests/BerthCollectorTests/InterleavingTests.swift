import BerthModel
import Foundation
import Synchronization
import Testing

@testable import BerthCatalog

/// A search through the orders in which the steps of pushes, deletions, settling and collecting can happen, with crashes
/// in between, on the catalog's own code. Each schedule is its seed.
///
/// A longer search is `Search.schedules` set higher: 100,000 take about five minutes in a debug build.
@Suite("Interleavings of pushes, deletions and collecting", .serialized)
struct InterleavingTests {
    @Test("no schedule loses anything, or keeps anything for ever (G1 to G7)")
    func search() async throws {
        let found = try await Search(guards: .all).run(schedules: Search.schedules, firstSeed: 1)
        print(found.summary)
        #expect(found.losses.isEmpty, "\(found.losses.prefix(3))")
        #expect(found.schedules == Search.schedules)
    }

    @Test(
        "without any one of the collector's guards the search finds the loss",
        arguments: (0..<CollectorGuards.count).map { CollectorGuards(rawValue: 1 << $0) })
    func guards(left: CollectorGuards) async throws {
        let found = try await Search(guards: .all.subtracting(left), stopsAtLoss: true)
            .run(schedules: 40_000, firstSeed: 1)
        print(
            "without guard \(left.rawValue): \(found.losses.first ?? "nothing lost") after \(found.schedules) schedules"
        )
        #expect(!found.losses.isEmpty)
    }

    @Test("a settler that did not wait for the unlink would lose content")
    func locks() async throws {
        let found = try await Search(guards: .all, locks: false, stopsAtLoss: true)
            .run(schedules: 20_000, firstSeed: 1)
        #expect(!found.losses.isEmpty)
    }
}

/// What a search found.
struct Findings: Sendable {
    var schedules = 0
    var steps = 0
    var losses: [String] = []
    var pairs: Set<String> = []
    var firstSeed: UInt64 = 0
    var lastSeed: UInt64 = 0

    var summary: String {
        let labels = Set(pairs.flatMap { $0.components(separatedBy: " > ") })
        return """
            \(schedules) schedules of \(steps) steps, seeds \(firstSeed) to \(lastSeed); \
            \(pairs.count) ordered pairs of steps of \(labels.count) kinds of step (\(labels.count * labels.count) would be all)
            """
    }

    mutating func add(_ other: Findings) {
        schedules += other.schedules
        steps += other.steps
        losses += other.losses
        pairs.formUnion(other.pairs)
        firstSeed = firstSeed == 0 ? other.firstSeed : min(firstSeed, other.firstSeed)
        lastSeed = max(lastSeed, other.lastSeed)
    }
}

struct Search: Sendable {
    /// How long the search is.
    static let schedules = 25_000
    private static let workers = 2
    /// Schedules in a row that begin in the same way.
    private static let seedsPerBeginning: UInt64 = 100

    let guards: CollectorGuards
    var locks = true
    var stopsAtLoss = false

    /// Seeds from `firstSeed` on, in two threads of work.
    func run(schedules: Int, firstSeed: UInt64) async throws -> Findings {
        try await withThrowingTaskGroup(of: Findings.self) { group in
            let share = schedules / Self.workers
            let isOver = Flag()
            for worker in 0..<Self.workers {
                let first = firstSeed + UInt64(worker * share)
                group.addTask { try await search(first..<first + UInt64(share), isOver) }
            }
            return try await group.reduce(into: Findings()) { $0.add($1) }
        }
    }

    private func search(_ seeds: Range<UInt64>, _ isOver: Flag) async throws -> Findings {
        var found = Findings()
        found.firstSeed = seeds.lowerBound
        let database = try MemoryDatabase()
        defer { try? database.end() }
        var next = seeds.lowerBound
        var beginnings = Beginning.allCases[...]
        while next < seeds.upperBound, !isOver.isSet {
            guard let beginning = beginnings.popFirst() else {
                beginnings = Beginning.allCases[...]
                continue
            }
            try database.clear()
            let world = try World(database, guards: guards, locks: locks)
            try await beginning.prepare(world)
            // What leads here is not what is looked for.
            world.losses = []
            try database.mark()
            let snapshot = world.snapshot()
            let end = min(next + Self.seedsPerBeginning, seeds.upperBound)
            defer { next = end }
            for seed in next..<end where !isOver.isSet {
                let stage = Stage(seed: seed)
                try await world.begin(snapshot, stage: stage)
                try await play(world, stage, beginning)
                found.schedules += 1
                found.steps += stage.script.count
                found.lastSeed = seed
                found.pairs.formUnion(stage.pairs)
                if let loss = world.losses.first {
                    found.losses.append("seed \(seed), \(beginning): \(loss): \(stage.script.joined(separator: ", "))")
                    if stopsAtLoss { isOver.set() }
                }
            }
        }
        return found
    }

    /// One schedule: some players, whatever order, perhaps a crash; then everything comes to rest.
    private func play(_ world: World, _ stage: Stage, _ beginning: Beginning) async throws {
        await cast(world, stage, beginning)
        var crashAt = stage.below(4) == 0 ? stage.below(25) : -1
        while await stage.advance() {
            if stage.hasWritten || stage.script.last?.hasSuffix("file") == true {
                stage.hasWritten = false
                try world.check()
                guard world.losses.isEmpty else { break }
            }
            if crashAt == stage.script.count {
                crashAt = -1
                try await world.crash()
                await stage.enter { await world.collect([.fade, .unlink, .sweep, .remove]) }
                await stage.enter { await world.time([6, 6]) }
            }
        }
        while !stage.isEmpty { await stage.crash() }
        world.end()
        // Coming to rest takes as long as the schedule itself, so only some do.
        if world.losses.isEmpty { try await world.rest(collects: stage.below(6) == 0) }
    }

    private func cast(_ world: World, _ stage: Stage, _ beginning: Beginning) async {
        if beginning == .sweeping, stage.below(2) == 0 {
            // Few players, so that what goes and what comes back meet.
            let repository = stage.below(2)
            await stage.enter { await world.push(10, repository) }
            await stage.enter { await world.collect([.remove]) }
            await stage.enter {
                for _ in 0..<3 { await world.settle() }
            }
            return
        }
        let clients = 1 + stage.below(2)
        for _ in 0..<clients {
            let (repository, flip) = (stage.below(2), stage.below(2) == 0)
            switch stage.below(8) {
            case 0, 1: await stage.enter { await world.push(10, repository) }
            case 2: await stage.enter { await world.push(10 + (flip ? 1 : 0), repository, takesLong: true) }
            case 3: await stage.enter { await world.push(11, repository, mounts: true) }
            case 4: await stage.enter { await world.push(20, repository) }
            case 5: await stage.enter { await world.delete(10, 0, comesBack: flip) }
            case 6: await stage.enter { await world.delete(20, 0, comesBack: flip) }
            default: await stage.enter { await world.deleteBlob(0, 0, referencedAllowed: flip) }
            }
        }
        let first = stage.below(World.CollectorStep.allCases.count)
        let steps = (0..<(2 + stage.below(4))).map { World.CollectorStep.allCases[(first + $0) % 6] }
        await stage.enter { await world.collect(steps) }
        if stage.below(2) == 0 { await stage.enter { await world.settle() } }
        let amounts: [Int64] = [[6], [6, 6], [11], [31]][stage.below(4)]
        if stage.below(3) > 0 { await stage.enter { await world.time(amounts) } }
    }
}

/// Tells the other worker that enough was found.
private final class Flag: Sendable {
    private let state = Atomic<Bool>(false)
    var isSet: Bool { state.load(ordering: .relaxed) }
    func set() { state.store(true, ordering: .relaxed) }
}

/// Where schedules begin.
enum Beginning: CaseIterable {
    case nothing, unreferenced, unsettled, fading, doomed, sweeping, image, deleted, overdue, index

    func prepare(_ world: World) async throws {
        let terms = World.terms
        switch self {
        case .nothing: return
        case .unreferenced, .unsettled, .fading, .doomed, .sweeping:
            for blob in 0..<3 { try await world.upload(blob, 0) }
            if self != .unsettled { await world.settle() }
            world.clock.pass(terms.lease + 1)
            if self == .unreferenced || self == .unsettled { return }
            await world.collect([.fade])
            if self == .fading { return }
            await world.collect([.unlink])
            if self == .doomed { return }
            await world.collect([.sweep])
        case .image, .deleted, .overdue:
            await world.push(10, 0)
            await world.settle()
            world.clock.pass(terms.lease + 1)
            await world.collect([.fade, .unlink])
            guard self != .image else { return }
            await world.delete(10, 0, comesBack: false)
            world.clock.pass(self == .overdue ? terms.window + 1 : 3)
        case .index:
            await world.push(20, 0)
            await world.settle()
            world.clock.pass(terms.lease + 1)
            await world.collect([.fade])
        }
    }
}

extension World {
    /// Everything comes to rest: what was acknowledged is whole, what nothing keeps is gone, and both survive another
    /// round (G6, G7).
    func rest(collects: Bool) async throws {
        await settle()
        try check()
        for key in acknowledged where deletions[key] == nil {
            let fact = try await catalog.manifest(digest(key.manifest), in: Self.repositories[key.repository])
            if fact == nil { lose("an acknowledged manifest is gone") }
        }
        guard collects else { return }
        try await catalog.finishDetaching()
        clock.pass(Self.terms.window + 2 * Self.terms.longestUpload + 1)
        await round()
        await round()
        try check()
        let garbage = try database.rows(
            """
            SELECT
                (SELECT count(*) FROM manifest WHERE deleted_at IS NOT NULL),
                (SELECT count(*) FROM repository_blob WHERE deleted_at IS NOT NULL),
                (SELECT count(*)
                 FROM blob b
                 WHERE NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = b.digest)
                    AND NOT EXISTS (SELECT 1 FROM manifest_reference e WHERE e.digest = b.digest)),
                (SELECT count(*) FROM blob)
            """
        ).first
        guard let garbage else { return }
        if try garbage.integer(0) > 0 { lose("a manifest is kept for ever") }
        if try garbage.integer(1) > 0 { lose("a deleted link is kept for ever") }
        if try garbage.integer(2) > 0 { lose("content is kept for ever") }
        if try garbage.integer(3) != Int64(store.files.count) { lose("files and rows differ") }
    }
}
