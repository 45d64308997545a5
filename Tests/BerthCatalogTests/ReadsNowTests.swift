import BerthModel
import Foundation
import Testing

@testable import BerthCatalog

@Suite("Reads that wait for nobody")
struct ReadsNowTests {
    @Test("what is acknowledged is found at once, and no longer once it is taken back")
    func acknowledged() async throws {
        try await withCatalog { test in
            let (name, tag) = (try test.name(), try test.tag("t"))
            for number in 1...50 {
                try await test.pushBlob(number)
                _ = try await test.push(1_000 + number, references: [number], tags: ["t"])
                #expect(test.catalog.cachedManifest(tag, in: name)?.digest == digest(1_000 + number))
                #expect(test.catalog.cachedManifest(digest(1_000 + number), in: name) != nil)
                #expect(test.catalog.cachedManifest(digest(1_000 + number), in: try test.name("b/b")) == nil)
                #expect(test.catalog.cachedBlob(digest(number), in: name) == nil, "it has not settled")
            }
            try await test.catalog.markSettled(try await test.catalog.staged(after: nil, limit: 200).map(\.key))
            for number in 1...50 {
                #expect(test.catalog.cachedBlob(digest(number), in: name)?.size == 10)
                #expect(test.catalog.cachedBlob(digest(number), in: try test.name("b/b")) == nil)
            }
            _ = try await test.catalog.deleteTag(tag, in: name, by: alice)
            #expect(test.catalog.cachedManifest(tag, in: name) == nil)
            _ = try await test.delete(1_001)
            #expect(test.catalog.cachedManifest(digest(1_001), in: name) == nil)
            _ = try await test.catalog.reportDamage(digest(2), at: .settled)
            #expect(test.catalog.cachedBlob(digest(2), in: name) == nil)
        }
    }

    @Test("what is not here is known at once where its repository is here, and only there")
    func absent() async throws {
        try await withCatalog { test in
            let (name, other) = (try test.name(), try test.name("b/b"))
            #expect(test.catalog.blobNow(digest(1), in: name) == .unknown)
            try await test.pushBlob(1)
            #expect(test.catalog.blobNow(digest(1), in: name) == .unknown, "it has not settled")
            #expect(test.catalog.blobNow(digest(2), in: name) == .absent)
            #expect(test.catalog.blobNow(digest(1), in: other) == .unknown)
            try await test.pushBlob(2)
            #expect(test.catalog.blobNow(digest(2), in: name) != .absent)
            _ = try await test.catalog.deleteBlob(digest(1), in: name, referencedAllowed: false, by: alice)
            #expect(test.catalog.blobNow(digest(1), in: name) == .absent)
        }
        try await withCatalog(settings: .cachesAlone) { test in
            try await test.pushBlob(1)
            #expect(test.catalog.blobNow(digest(2), in: try test.name()) == .unknown)
        }
    }

    @Test("what they find is remembered as what others find, and costs no further read")
    func remembered() async throws {
        try await withCatalog { test in
            _ = try await test.push(1, tags: ["t"])
            let database = try test.database
            #expect(test.catalog.cachedManifest(try test.tag("t"), in: try test.name()) != nil)
            let steps = database.readSteps
            #expect(steps > 0)
            #expect(test.catalog.cachedManifest(try test.tag("t"), in: try test.name()) != nil)
            #expect(database.readSteps == steps)
        }
    }

    @Test("many threads at a time find all the same, while others write")
    func contended() async throws {
        try await withCatalog { test in
            for number in 1...20 { _ = try await test.push(number, tags: ["t\(number)"]) }
            let (catalog, name) = (test.catalog, try test.name())
            let found = try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var found = 0
                        for round in 0..<200 {
                            let number = 1 + (worker + round) % 20
                            let database = try test.database
                            let rows = database.rowsNow(
                                "SELECT size FROM blob WHERE digest = ?", [.text(digest(number).text)])
                            // Nil where the others have all of them: then one waits.
                            if let rows, rows.count == 1 { found += 1 } else { #expect(rows == nil) }
                        }
                        return found
                    }
                }
                group.addTask {
                    for number in 100..<150 { _ = try await test.push(number) }
                    return 0
                }
                return try await group.reduce(0, +)
            }
            #expect(found > 0)
            // A page may leave the kernel's memory at any time; then one waits, and what was found is remembered.
            if catalog.cachedManifest(digest(149), in: name) == nil {
                _ = try await catalog.manifest(digest(149), in: name)
            }
            #expect(catalog.cachedManifest(digest(149), in: name) != nil)
        }
    }

    @Test("a page that would have to come from the disk is not waited for", .enabled(if: Pages.canLeaveMemory))
    func fromDisk() async throws {
        let folder = try TemporaryFolder()
        let first = try await openCatalog(in: folder)
        for number in 1...300 { _ = try await first.push(number, tags: ["t\(number)"]) }
        try await first.catalog.close()
        var settings = CatalogSettings()
        settings.warmsUp = false
        let test = try await openCatalog(in: folder, settings: settings)
        let pages = Pages(folder.database)
        pages.leaveMemory()
        let numbers = 1...300
        let name = try test.name()
        let now = numbers.filter { number in test.catalog.cachedManifest(digest(number), in: name) != nil }
        #expect(now.count < 300, "some pages were in no memory at all")
        for number in numbers { #expect(try await test.points("t\(number)") == digest(number)) }
        for number in numbers {
            let rows = try test.database.rowsNow(
                "SELECT size FROM manifest WHERE digest = ?", [.text(digest(number).text)])
            #expect(rows?.count == 1)
        }
        try await test.catalog.close()
    }

    @Test("after the close there is no answer")
    func closed() async throws {
        let test = try await openCatalog(in: try TemporaryFolder())
        _ = try await test.push(1)
        try await test.catalog.close()
        #expect(try test.database.rowsNow("SELECT id FROM meta", []) == nil)
    }

    @Test("the start has the kernel read the database", .enabled(if: Pages.canLeaveMemory))
    func warming() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/some.db"
        try Data(repeating: 1, count: 3 << 20).write(to: URL(fileURLWithPath: path))
        let pages = Pages(path)
        pages.leaveMemory()
        #expect(pages.shareInMemory < 0.5)
        let warming = try #require(CatalogWarming(path: path))
        warming.begin()
        // The kernel reads while we do other things, and tells nobody when it has. On a busy machine it may leave out some.
        for _ in 0..<2_000 where pages.shareInMemory < 0.5 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(pages.shareInMemory >= 0.5)
        warming.end()
        #expect(CatalogWarming(path: folder.path + "/none") == nil)
    }
}

/// A file's pages in the kernel's memory.
struct Pages {
    private let path: String
    init(_ path: String) { self.path = path }

    /// Whether the file system of temporary files lets pages go: one in memory does not.
    static let canLeaveMemory: Bool = {
        let path = FileManager.default.temporaryDirectory.path + "/berth-pages-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        guard (try? Data(repeating: 1, count: 1 << 20).write(to: URL(fileURLWithPath: path))) != nil else {
            return false
        }
        let pages = Pages(path)
        pages.leaveMemory()
        return pages.shareInMemory < 0.5
    }()

    /// What is written has to be on the disk first.
    func leaveMemory() {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        fsync(file)
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
    }

    /// From 0 to 1.
    var shareInMemory: Double {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        let size = Int(lseek(file, 0, SEEK_END))
        guard let start = mmap(nil, size, PROT_READ, MAP_SHARED, file, 0), start != MAP_FAILED else { return 0 }
        defer { munmap(start, size) }
        var resident = [UInt8](repeating: 0, count: (size + 4_095) / 4_096)
        guard mincore(start, size, &resident) == 0 else { return 0 }
        return Double(resident.count { $0 & 1 == 1 }) / Double(resident.count)
    }
}
