import BerthModel
import Dispatch
import GRDB
import Synchronization
import Testing

@testable import BerthCatalog

@Suite("Shared commits")
struct SharedCommitTests {
    /// Holds the writer inside a closure until it is let go.
    private final class Gate: Sendable {
        private let (reached, reach) = AsyncStream.makeStream(of: Void.self)
        private let held = Mutex(true)
        private let opened = DispatchSemaphore(value: 0)

        func hold(_ catalog: Catalog) -> Task<Void, any Error> {
            Task {
                _ = try await catalog.write { [self] _, _ throws(CatalogError) in
                    reach.finish()
                    // It may be run again, and is open then.
                    if held.withLock({ $0 }) { opened.wait() }
                }
            }
        }
        func waitUntilReached() async { for await _ in reached {} }
        func open() {
            held.withLock { $0 = false }
            opened.signal()
        }
    }

    /// Queues `count` writes while the writer is held, so that they share one commit, and lets them go.
    private func together<Value: Sendable>(
        _ test: TestCatalog, _ count: Int, _ write: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> [Int: Result<Value, any Error>] {
        let gate = Gate()
        let holder = gate.hold(test.catalog)
        await gate.waitUntilReached()
        return try await withThrowingTaskGroup(of: (Int, Result<Value, any Error>).self) { group in
            for number in 0..<count {
                group.addTask {
                    do { return (number, .success(try await write(number))) } catch { return (number, .failure(error)) }
                }
            }
            while try test.database.waiting < count { await Task.yield() }
            gate.open()
            try await holder.value
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    @Test("writes that wait share commits; an idle writer commits at once (C5)")
    func sharing() async throws {
        var settings = CatalogSettings()
        settings.batchDuration = .seconds(60)
        // On a busy machine the idle writer's own commits would count as well.
        settings.timeStaleness = .seconds(3600)
        try await withCatalog(settings: settings) { test in
            for number in 0..<3 { try await test.pushBlob(number) }
            #expect(test.catalog.statistics.commits == 3)
            _ = try await together(test, 100) { try await test.pushBlob(100 + $0) }
            let statistics = test.catalog.statistics
            #expect(statistics.closures == 104)
            #expect(statistics.commits <= 5)
            #expect(statistics.largestBatch >= 50)
            #expect(try await test.catalog.totals().blobs == 103)
            #expect(try await test.count("SELECT seq FROM meta") == statistics.seq)
            #expect(statistics.seq == Int64(statistics.commits), "each commit has the next number (C7)")
        }
    }

    @Test("a closure that ends its transaction is not acknowledged, and those beside it are kept (C1, C2)")
    func endedInside() async throws {
        try await withCatalog { test in
            let results = try await together(test, 9) { number in
                if number % 3 == 0 {
                    _ = try await test.catalog.write { transaction, _ throws(CatalogError) in
                        try transaction.execute("ROLLBACK", [])
                    }
                } else {
                    try await test.pushBlob(number)
                }
            }
            for (number, result) in results {
                #expect(((try? result.get()) == nil) == (number % 3 == 0), "\(number): \(result)")
            }
            #expect(try await test.catalog.totals().blobs == 6)
            try await test.pushBlob(10)
            #expect(try await test.count("SELECT count(*) FROM blob") == 7)
        }
    }

    @Test("a commit takes so many closures and so many bytes, and one closure beyond all bounds alone (C5)")
    func bounds() async throws {
        var settings = CatalogSettings()
        settings.batchClosures = 7
        settings.batchBytes = 100
        settings.batchDuration = .seconds(60)
        try await withCatalog(settings: settings) { test in
            _ = try await together(test, 40) { try await test.pushBlob($0, size: 1) }
            #expect(test.catalog.statistics.largestBatch == 7)
        }
        settings.batchClosures = 1_000
        try await withCatalog(settings: settings) { test in
            _ = try await together(test, 40) { try await test.pushBlob($0, size: 30) }
            #expect(test.catalog.statistics.largestBatch <= 4)
            try await test.pushBlob(99, size: 1_000)
        }
        settings.batchBytes = 1 << 20
        try await withCatalog(settings: settings) { test in
            let background = WriteCost.background
            _ = try await together(test, 10) { _ in
                try await test.catalog.write(background) { transaction, _ throws(CatalogError) in
                    _ = try transaction.execute("UPDATE meta SET seq = seq", [])
                }
            }
            #expect(test.catalog.statistics.largestBatch == 1, "one background closure a commit")
        }
    }

    @Test("housekeeping that takes long shuts nobody out of its commit (C5)")
    func longHousekeeping() async throws {
        var settings = CatalogSettings()
        settings.batchDuration = .milliseconds(1)
        settings.timeStaleness = .seconds(3600)
        try await withCatalog(settings: settings) { test in
            let (hasBegun, isQueued) = (Flag(), Flag())
            async let background: Void = test.catalog.write(.background) { transaction, _ throws(CatalogError) in
                hasBegun.set()
                // Until a client waits, and longer than a commit takes in others.
                while !isQueued.isSet {}
                let end = ContinuousClock.now.advanced(by: .milliseconds(20))
                while ContinuousClock.now < end {}
                _ = try transaction.execute("UPDATE meta SET seq = seq", [])
            }
            while !hasBegun.isSet { await Task.yield() }
            async let client = test.pushBlob(1)
            while try test.database.waiting < 1 { await Task.yield() }
            isQueued.set()
            _ = try await (background, client)
            #expect(test.catalog.statistics.largestBatch == 2)
        }
    }

    @Test("what one closure throws undoes it alone, its answer comes with the others' (C1)")
    func oneFails() async throws {
        try await withCatalog { test in
            let results = try await together(test, 20) { number in
                try await test.catalog.write { transaction, _ throws(CatalogError) in
                    try transaction.execute(
                        "INSERT INTO repository (name, created_at) VALUES (?, 0)", [.text("r\(number)")])
                    if number % 5 == 0 { throw .damaged("\(number)") }
                    if number % 5 == 1 {
                        // A statement that fails by itself.
                        try transaction.execute("INSERT INTO blob VALUES (1, 'x', -1, 0, 0, 0)", [])
                    }
                }
            }
            for number in 0..<20 {
                let failed = (try? results[number]?.get()) == nil
                #expect(failed == (number % 5 < 2), "\(number)")
            }
            #expect(try await test.count("SELECT count(*) FROM repository") == 12)
            #expect(test.catalog.statistics.failures == 8)
        }
    }

    @Test("a full disk in one closure takes no other with it, and nothing commits outside its batch (C2)")
    func full() async throws {
        var settings = CatalogSettings()
        settings.batchBytes = 64 << 20
        settings.batchDuration = .seconds(60)
        try await withCatalog(settings: settings) { test in
            try await test.pushBlob(1_000)
            try await limitPages(test, extra: 200)
            let before = test.catalog.statistics
            let results = try await together(test, 30) { number in
                // The fifteenth is larger than what is left.
                try await test.pushBlob(number, size: number == 15 ? 4 << 20 : 100)
            }
            for number in 0..<30 {
                switch results[number] {
                case .success(let outcome): #expect(number != 15 && outcome == .committed(isNew: true))
                case .failure(let error): #expect(number == 15 && error as? CatalogError == .noSpace, "\(number)")
                case nil: Issue.record("no answer for \(number)")
                }
            }
            #expect(try await test.count("SELECT count(*) FROM blob") == 30)
            #expect(try await test.catalog.totals().blobs == 30, "closures that ran twice count once")
            #expect(test.catalog.statistics.failures == before.failures + 1)
            #expect(try test.database.stopped == nil)
            #expect(try await test.rows("PRAGMA integrity_check") == [[.text("ok")]])
        }
    }

    @Test("when nothing fits any more all are told, and when there is room again all goes on (C2)")
    func stayingFull() async throws {
        try await withCatalog { test in
            try await test.pushBlob(1_000)
            try await limitPages(test, extra: 0)
            let results = try await together(test, 10) { try await test.pushBlob($0, size: 20_000) }
            for result in results.values {
                #expect(throws: CatalogError.noSpace) { try result.get() }
            }
            #expect(try await test.count("SELECT count(*) FROM blob") == 1)
            try await limitPages(test, extra: 10_000)
            try await test.pushBlob(1, size: 20_000)
        }
    }

    private func limitPages(_ test: TestCatalog, extra: Int64) async throws {
        guard case .integer(let pages) = try await test.rows("PRAGMA page_count").first?.first else {
            throw TestFailure("no page count")
        }
        try await test.onWriter { connection throws(CatalogError) in
            try connection.run("PRAGMA max_page_count = \(pages + extra)")
        }
    }

    @Test("cancelling withdraws what has not begun, and nothing else (C3)")
    func cancellation() async throws {
        try await withCatalog { test in
            let gate = Gate()
            let holder = gate.hold(test.catalog)
            await gate.waitUntilReached()
            let first = Task { try await test.pushBlob(1) }
            while try test.database.waiting < 1 { await Task.yield() }
            let second = Task { try await test.pushBlob(2) }
            while try test.database.waiting < 2 { await Task.yield() }
            second.cancel()
            await #expect(throws: CatalogError.unavailable("cancelled before it began")) { try await second.value }
            holder.cancel()  // It has begun: it is not touched.
            gate.open()
            try await holder.value
            #expect(try await first.value == .committed(isNew: true))
            #expect(try await test.catalog.content(digest(2)) == nil)
            let late = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await test.pushBlob(3)
            }
            await #expect(throws: CatalogError.self) { try await late.value }
            #expect(try await test.catalog.content(digest(3)) == nil)
        }
    }

    @Test("another process in the way is waited for, then everybody is told")
    func busy() async throws {
        try await withCatalog { test in
            try await test.onWriter { $0.setBusyTimeout(milliseconds: 20) }
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            configuration.busyMode = .timeout(30)
            let intruder = try DatabaseQueue(path: test.folder.database, configuration: configuration)
            try intruder.inside { connection throws(CatalogError) in try connection.run("BEGIN EXCLUSIVE") }
            await #expect(throws: CatalogError.self) { try await test.pushBlob(1) }
            #expect(try await test.catalog.content(digest(1)) == nil)
            try intruder.inside { connection throws(CatalogError) in try connection.run("COMMIT") }
            try intruder.close()
            #expect(try await test.pushBlob(1) == .committed(isNew: true))
            #expect(try test.database.stopped == nil)
        }
    }

    @Test("the log is emptied between batches by the writer alone, and stays short (C3, C5)")
    func checkpoints() async throws {
        var settings = CatalogSettings()
        settings.checkpointBytes = 256 << 10
        try await withCatalog(settings: settings) { test in
            for number in 0..<300 {
                try await test.pushBlob(number, size: 8_192)
                #expect(try test.database.logBytes < 1 << 20)
            }
            #expect(test.catalog.statistics.checkpoints > 3)
        }
    }

    @Test("many writers and readers at once: all is there in the end")
    func everything() async throws {
        try await withCatalog { test in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<32 {
                    group.addTask {
                        for round in 0..<20 {
                            let number = worker * 100 + round
                            try await test.pushBlob(number, to: "r/\(worker % 4)")
                            _ = try await test.push(
                                10_000 + number, references: [number], tags: ["t\(round)"], to: "r/\(worker % 4)")
                            let target = try await test.points("t\(round)", in: "r/\(worker % 4)")
                            #expect(target != nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await test.count("SELECT count(*) FROM manifest") == 640)
            #expect(try await test.catalog.totals().blobs == 1_280)
            #expect(try await test.count("SELECT sum(manifests) FROM repository") == 640)
            #expect(test.catalog.statistics.commits < test.catalog.statistics.closures)
            #expect(try await test.rows("PRAGMA foreign_key_check") == [])
        }
    }
}
