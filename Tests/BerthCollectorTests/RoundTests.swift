import BerthCollector
import BerthModel
import Synchronization
import Testing

@testable import BerthCatalog

@Suite("A round of collecting")
struct RoundTests {
    private final class Sightings: Sendable {
        let all = Mutex<[RoundProgress?]>([])
    }

    @Test("what a round has freed is seen while it removes files, and is in the total when it is over")
    func progress() async throws {
        let database = try MemoryDatabase()
        let world = try World(database, Setting())
        // More than the collector removes at once.
        let numbers = 100..<200
        for number in numbers { try await world.upload(number, 0) }
        await world.settle()
        world.clock.pass(2 * world.terms.lease)
        let collector = Collector(
            catalog: world.catalog, store: world.store, interval: .zero, pace: .unlimited, logger: World.log)
        let sightings = Sightings()
        world.store.beforeRemoval = {
            let (total, present) = collector.progress
            if total != RoundReport() { world.lose("the round is counted before it is over") }
            sightings.all.withLock { $0.append(present) }
            // Another one at the same time does nothing, and says so.
            let others = [await collector.round(), try? await collector.collectAll()]
            for other in others where other?.rounds != 0 || other?.isWhole != false { world.lose("two rounds at once") }
            if collector.progress.present != present { world.lose("another round has touched this one's progress") }
        }
        let report = await collector.round()
        #expect(report.freedBlobs == numbers.count && report.isWhole)
        let seen = sightings.all.withLock { $0 }.compactMap(\.self)
        #expect(seen.map(\.step) == [.removing, .removing])
        let (first, second) = (try #require(seen.first).report, try #require(seen.last).report)
        #expect(first.freedBlobs == 0 && first.freedBytes == 0)
        #expect(0 < second.freedBlobs && second.freedBlobs < numbers.count)
        #expect(second.freedBytes == Int64(second.freedBlobs) * 10)
        #expect(collector.total == report && collector.progress.present == nil)
        #expect(world.losses == [])
        try database.end()
    }

    @Test("a round by hand is over when it has answered, and the next one may begin")
    func byHand() async throws {
        let database = try MemoryDatabase()
        let world = try World(database, Setting())
        let collector = Collector(
            catalog: world.catalog, store: world.store, interval: .zero, pace: .unlimited, logger: World.log)
        for number in 1...2 {
            #expect(try await collector.collectAll().isWhole)
            #expect(collector.progress.total.rounds == number && collector.progress.present == nil)
        }
        try database.end()
    }
}
