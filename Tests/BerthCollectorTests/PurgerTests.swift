import BerthModel
import Testing

@testable import BerthCatalog
@testable import BerthRegistry

@Suite("Purging beside other work")
struct PurgerTests {
    @Test("a file that settling gave its name after the collector forgot its row goes with the purge")
    func lateSettling() async throws {
        let database = try MemoryDatabase()
        let world = try World(database, Setting())
        try await world.upload(1, 0)
        let id = try await world.catalog.beginPurge(.content(world.digest(1)), by: World.pusher)
        let purger = Purger(
            store: world.store, catalog: world.catalog, logger: World.log,
            settled: {
                await world.collect([.remove])
                world.store.stray(world.digest(1))
            })
        #expect(try await purger.run(id).failure == nil)
        #expect(world.store.files.isEmpty)
        #expect(try database.rows("SELECT digest FROM blob").isEmpty)
        try database.end()
    }

    @Test("whichever question is refused, a purge is not done before its file is gone")
    func everyQuestion() async throws {
        for nth in 0... {
            let database = try MemoryDatabase()
            let world = try World(database, Setting())
            try await world.upload(1, 0)
            await world.settle()
            #expect(world.store.files.count == 1)
            let id = try await world.catalog.beginPurge(.content(world.digest(1)), by: World.pusher)
            world.connection.readsUntilRefusal = nth
            _ = try? await world.purger.run(id)
            let wasRefused = world.connection.readsUntilRefusal == nil
            world.connection.readsUntilRefusal = nil
            let purge = try #require(try await world.catalog.purge(id))
            if purge.isDone { #expect(world.store.files.isEmpty, "after refusal \(nth)") }
            try await world.purger.finishAll()
            #expect(world.store.files.isEmpty)
            #expect(try await world.catalog.openPurges().isEmpty)
            #expect(try database.rows("SELECT digest FROM blob").isEmpty)
            try database.end()
            guard wasRefused else { break }  // every question has had its turn
        }
    }
}
