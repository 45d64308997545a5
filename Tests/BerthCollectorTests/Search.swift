import BerthTestSupport
import Foundation
import Synchronization

@testable import BerthCatalog

/// What a search found.
struct Findings: Sendable {
    var schedules = 0
    var steps = 0
    var crashes = 0
    var losses: [String] = []
    var lossSeeds: [UInt64] = []
    var pairs: Set<Stage.Pair> = []
    var firstSeed: UInt64 = 0
    var lastSeed: UInt64 = 0

    var summary: String {
        let labels = Set(pairs.flatMap { [$0.first, $0.second] })
        return """
            \(schedules) schedules of \(steps) steps, \(crashes) of them with a crash, seeds \(firstSeed) to \(lastSeed); \
            \(pairs.count) ordered pairs of steps of \(labels.count) kinds (\(labels.count * labels.count) would be all)
            """
    }

    mutating func add(_ other: Findings) {
        schedules += other.schedules
        steps += other.steps
        crashes += other.crashes
        losses += other.losses
        lossSeeds += other.lossSeeds
        pairs.formUnion(other.pairs)
        firstSeed = firstSeed == 0 ? other.firstSeed : min(firstSeed, other.firstSeed)
        lastSeed = max(lastSeed, other.lastSeed)
    }
}

/// A search through schedules, each of which is its seed.
struct Search: Sendable {
    /// How long the search is among all other tests; `make search` sets the variable to 100,000 or more.
    static let schedules = ProcessInfo.processInfo.environment["SEARCH_SCHEDULES"].flatMap { Int($0) } ?? 20_000
    /// Where it begins; `SEARCH_SEED` goes through one schedule again.
    static let firstSeed = ProcessInfo.processInfo.environment["SEARCH_SEED"].flatMap { UInt64($0) } ?? 1
    private static let workers = max(2, min(8, ProcessInfo.processInfo.activeProcessorCount))
    /// Schedules in a row that begin in the same way.
    private static let seedsPerBeginning: UInt64 = 50

    var guards = CollectorGuards.all
    var locks = true
    var stopsAtLoss = false

    /// Seeds from `firstSeed` on, in several threads of work.
    func run(schedules: Int, firstSeed: UInt64) async throws -> Findings {
        try await withThrowingTaskGroup(of: Findings.self) { group in
            let seeds = Seeds(first: firstSeed, count: UInt64(schedules), together: Self.seedsPerBeginning)
            for _ in 0..<Self.workers { group.addTask { try await search(seeds) } }
            return try await group.reduce(into: Findings()) { $0.add($1) }
        }
    }

    private func search(_ all: Seeds) async throws -> Findings {
        var found = Findings()
        let database = try MemoryDatabase()
        defer { try? database.end() }
        while let seeds = all.next() {
            let cycle = Int((seeds.lowerBound - 1) / Self.seedsPerBeginning)
            let beginning = Beginning.allCases[cycle % Beginning.allCases.count]
            let round = cycle / Beginning.allCases.count
            let setting = Setting(
                window: round % 3 == 2 ? 2 : 30,
                rowsPerClosure: beginning == .treeDrawnOut || round % 4 == 3 ? 4 : 1_000, guards: guards, locks: locks,
                hasRepositories: round % 5 == 4, hasRestores: round % 7 == 6,
                // What each seed stands for where a guard is missing is known, and stays.
                answersNow: guards == .all && locks && round % 2 == 1)
            try database.clear()
            let world = try World(database, setting)
            try await beginning.prepare(world)
            try world.check()
            // Without a guard what leads here is not what is looked for.
            if guards == .all, let loss = world.losses.first {
                found.losses.append("before seed \(seeds.lowerBound), \(beginning), \(setting): \(loss)")
            }
            try database.mark()
            let opening = world.opening()
            if found.firstSeed == 0 { found.firstSeed = seeds.lowerBound }
            for seed in seeds where !all.isOver {
                let stage = Stage(seed: seed)
                try await world.begin(opening, stage: stage)
                try await Schedule(world: world, stage: stage, beginning: beginning).play()
                found.schedules += 1
                found.steps += stage.count
                if world.starts > 0 { found.crashes += 1 }
                found.lastSeed = seed
                found.pairs.formUnion(stage.pairs)
                if let loss = world.losses.first {
                    found.lossSeeds.append(seed)
                    found.losses.append("seed \(seed), \(beginning), \(setting): \(loss): \(stage.text)")
                    if stopsAtLoss { all.stop() }
                }
            }
        }
        return found
    }
}

/// Seeds, in parts for several workers, until enough was found.
private final class Seeds: Sendable {
    private let upcoming: Atomic<UInt64>
    private let end: UInt64
    private let together: UInt64
    private let isStopped = Atomic<Bool>(false)

    init(first: UInt64, count: UInt64, together: UInt64) {
        upcoming = Atomic(first)
        (end, self.together) = (first + count, together)
    }

    var isOver: Bool { isStopped.load(ordering: .relaxed) }
    func stop() { isStopped.store(true, ordering: .relaxed) }

    func next() -> Range<UInt64>? {
        let first = upcoming.add(together, ordering: .relaxed).oldValue
        return first < end && !isOver ? first..<min(first + together, end) : nil
    }
}

/// One schedule: some players, whatever order, perhaps a crash; then everything comes to rest.
struct Schedule {
    let world: World
    let stage: Stage
    let beginning: Beginning

    func play() async throws {
        await cast()
        var crashAt = stage.below(4) == 0 ? stage.below(25) : -1
        if world.setting.hasRestores {
            try await playRestores(&crashAt)
        } else {
            try await run(&crashAt)
        }
        if world.losses.isEmpty, !stage.isEmpty { world.lose("nobody can go on") }
        while !stage.isEmpty { await stage.crash() }
        world.end()
        // All of it takes as long as the schedule itself, so only some do.
        if world.losses.isEmpty { try await world.rest([.collecting, .restoring, nil, nil, nil, nil][stage.below(6)]) }
    }

    /// Goes on as long as somebody can, or until that many steps have been made.
    private func run(_ crashAt: inout Int, until end: Int = .max) async throws {
        while stage.count < end, await stage.advance() {
            if stage.hasWritten || stage.hasTouchedFile {
                (stage.hasWritten, stage.hasTouchedFile) = (false, false)
                try world.check()
                guard world.losses.isEmpty else { break }
            }
            for work in world.takeMeanwhile() {
                await stage.enter { [stage] in
                    stage.does("promises leave")
                    await work()
                }
            }
            if crashAt == stage.count {
                crashAt = -1
                try await world.crash()
                await stage.enter { [world] in await world.collect([.purge, .fade, .unlink, .sweep, .remove]) }
                await stage.enter { [world] in await world.time([6, 6]) }
            }
        }
    }

    /// A snapshot is made and brought back while others work; then, perhaps, what it had replaced.
    private func playRestores(_ crashAt: inout Int) async throws {
        try await run(&crashAt, until: stage.below(20))
        let copy = try world.copyCatalog()
        for _ in 0..<(1 + stage.below(2)) { await client() }
        await castCollector()
        try await run(&crashAt, until: stage.count + stage.below(80))
        guard world.losses.isEmpty, world.isWithinWindow(copy) else { return try await run(&crashAt) }
        let replaced = try await world.goBack(to: copy)
        if stage.below(3) == 0 { await client() }
        await stage.enter { [world] in
            await world.time([6, 6])
            for _ in 0..<2 { await world.collect(world.steps) }
        }
        try await run(&crashAt, until: stage.below(3) > 0 ? .max : stage.count + stage.below(60))
        guard world.losses.isEmpty, let replaced, world.isWithinWindow(replaced) else {
            return try await run(&crashAt)
        }
        _ = try await world.goBack(to: replaced)
        try await run(&crashAt)
    }

    private func cast() async {
        let world = world
        if world.setting.hasRepositories { return await castRepositories() }
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
        if beginning == .index || beginning == .tree, world.terms.window < world.terms.lease, stage.below(2) == 0 {
            // A child is promised, goes along with its index, and is past its window before the promise is over.
            let (old, new) = beginning == .tree ? (30, 31) : (20, 21)
            await stage.enter { await world.push(new, 0) }
            await stage.enter { await world.delete(old, 0, comesBack: false) }
            await stage.enter { await world.collect([.detach, .purge, .purge]) }
            await stage.enter { await world.time([3]) }
            return
        }
        if beginning == .treeDeleted, world.setting.rowsPerClosure < 1_000, stage.below(2) == 0 {
            // What is wanted back comes in small parts, and its window ends meanwhile.
            await stage.enter { await world.undelete(Memory.Key(number: 30, repository: 0)) }
            await stage.enter { await world.collect([.purge, .purge]) }
            await stage.enter { await world.time([31]) }
            return
        }
        if beginning == .treeDrawnOut, stage.below(4) > 0 {
            // What is past its window goes in small parts, while uploads begin and end beside it.
            let index = stage.below(3) == 0 ? 20 : 31
            await stage.enter { await world.keepUploading(2, 0) }
            await stage.enter { await world.collect([.purge, .purge]) }
            await stage.enter { await world.pushBlindly(index, 0) }
            await stage.enter { await world.time([11]) }
            return
        }
        for _ in 0..<(1 + stage.below(2)) { await client() }
        if beginning.isTree, stage.below(2) == 0 { await client() }
        await castCollector()
    }

    /// Whole repositories go and come back.
    private func castRepositories() async {
        let world = world
        for _ in 0..<(1 + stage.below(2)) {
            let (repository, comesBack, elsewhere) = (stage.below(4) / 3, stage.below(3) > 0, stage.below(3) == 0)
            switch stage.below(6) {
            case 0: await stage.enter { await world.purgeRepository(repository) }
            case 1:
                let number = Document.all[stage.below(Document.all.count)]
                await stage.enter { await world.stray(number) }
            default:
                let target = elsewhere && repository == 0 ? 2 : repository
                await stage.enter {
                    await world.deleteRepository(repository, comesBack: comesBack, as: target)
                }
            }
        }
        for _ in 0..<(1 + stage.below(2)) { await client() }
        await castCollector()
    }

    private func castCollector() async {
        let world = world
        let all = world.steps
        let first = stage.below(all.count)
        let steps = (0..<(2 + stage.below(4))).map { all[(first + $0) % all.count] }
        await stage.enter { await world.collect(steps) }
        if stage.below(2) == 0 { await stage.enter { await world.settle() } }
        let amounts: [Int64] = [[6], [6, 6], [11], [31], [3, 90]][stage.below(5)]
        if stage.below(3) > 0 { await stage.enter { await world.time(amounts) } }
    }

    private func client() async {
        let world = world
        let (repository, flip, number) = (stage.below(2), stage.below(2) == 0, stage.below(4))
        switch beginning.isTree ? 6 + stage.below(10) : stage.below(14) {
        case 0, 1: await stage.enter { await world.push(10, repository) }
        case 2: await stage.enter { await world.push(10 + (flip ? 1 : 0), repository, takesLong: true) }
        case 3: await stage.enter { await world.push(11, repository, mounts: true) }
        case 4: await stage.enter { await world.push(20, repository) }
        case 5: await stage.enter { await world.deleteBlob(0, 0, referencedAllowed: flip) }
        case 6: await stage.enter { await world.delete(10, 0, comesBack: flip) }
        case 7: await stage.enter { await world.delete(20, 0, comesBack: flip) }
        case 8: await stage.enter { await world.push(flip ? 21 : 12, 0) }
        case 9: await stage.enter { await world.deleteBlob(1, 0) }
        case 10: await stage.enter { await world.purge([0, 2, 10, 20][number]) }
        case 11 where !beginning.isTree: await stage.enter { await world.push(13, repository) }
        case 12 where !beginning.isTree: await stage.enter { await world.push(13, 1) }
        case 13 where !beginning.isTree:
            await stage.enter {
                await world.push(13, repository)
                await world.delete(13, repository, comesBack: flip)
            }
        case 11, 12: await stage.enter { await world.push(flip ? 30 : 31, 0) }
        case 13: await stage.enter { await world.delete(30, 0, comesBack: flip) }
        case 14: await stage.enter { await world.pushBlindly(flip ? 31 : 21, 0) }
        default:
            await stage.enter {
                await world.push(flip ? 10 : 21, 0)
                await world.delete(flip ? 10 : 21, 0, comesBack: false)
            }
        }
    }
}

/// Where schedules begin.
enum Beginning: CaseIterable {
    case nothing, unreferenced, unsettled, fading, doomed, sweeping, image, deleted, overdue, index
    case tree, treeDeleted, treeOverdue, treeDrawnOut

    var isTree: Bool {
        self == .tree || self == .treeDeleted || self == .treeOverdue || self == .treeDrawnOut
    }

    func prepare(_ world: World) async throws {
        let terms = world.terms
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
            await rest(world)
            guard self != .image else { return }
            await world.delete(10, 0, comesBack: false)
            world.clock.pass(self == .overdue ? terms.window + 1 : 3)
        case .index:
            await world.push(20, 0)
            await rest(world)
        case .tree, .treeDeleted, .treeOverdue:
            await world.push(30, 0)
            await world.push(12, 0, isPart: true)
            await rest(world)
            guard self != .tree else { return }
            await world.delete(30, 0, comesBack: false)
            world.clock.pass(self == .treeOverdue ? 80 : 1)
        case .treeDrawnOut:
            // Deleted while its leases lasted: an upload draws them out beyond the window.
            await world.push(30, 0)
            await world.settle()
            world.clock.pass(1)
            await world.delete(30, 0, comesBack: false)
            world.clock.pass(terms.window + terms.lease + 1)
        }
        for work in world.takeMeanwhile() { await work() }
    }

    private func rest(_ world: World) async {
        await world.settle()
        world.clock.pass(world.terms.lease + 1)
        await world.collect([.fade, .unlink])
    }
}
