import BerthModel
import Foundation
import Synchronization

@testable import BerthCatalog

/// Clocks that stand still until a test moves them.
final class ManualClock: RegistryClock {
    private struct State {
        var boot: Int64 = 1_000_000
        var wall: Int64 = 1_800_000_000_000_000
        var id = "boot-1"
    }
    private let state = Mutex(State())

    func sinceBoot() -> Int64 { state.withLock { $0.boot } }
    func wall() -> Int64 { state.withLock { $0.wall } }
    func bootID() -> String { state.withLock { $0.id } }

    func pass(_ microseconds: Int64) {
        state.withLock { state in
            state.boot += microseconds
            state.wall += microseconds
        }
    }
    func setWall(_ microseconds: Int64) { state.withLock { $0.wall = microseconds } }
    /// The machine starts anew.
    func reboot(id: String) {
        state.withLock { state in
            state.boot = 5
            state.id = id
        }
    }
}

/// A folder that goes away with its last owner.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/berth-catalog-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path + "/snapshots", withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/berth.db" }
    var snapshots: String { path + "/snapshots" }

    func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// What a killed process would have left: the files as they are now, in a folder of their own.
    func copyAsIfKilled() throws -> TemporaryFolder {
        let copy = try TemporaryFolder()
        for name in ["berth.db", "berth.db-wal"] where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
            try FileManager.default.copyItem(atPath: "\(path)/\(name)", toPath: "\(copy.path)/\(name)")
        }
        return copy
    }
}

/// A catalog of its own for one test.
struct TestCatalog {
    let catalog: Catalog
    let folder: TemporaryFolder
    let clock: ManualClock
    var database: SQLiteDatabase {
        get throws {
            guard let database = catalog.database as? SQLiteDatabase else { throw TestFailure("no SQLite") }
            return database
        }
    }
}

final class Flag: Sendable {
    private let state = Atomic<Bool>(false)
    var isSet: Bool { state.load(ordering: .acquiring) }
    func set() { state.store(true, ordering: .releasing) }
}

struct TestFailure: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

func openCatalog(
    in folder: TemporaryFolder, clock: ManualClock = ManualClock(), settings: CatalogSettings = CatalogSettings()
) async throws -> TestCatalog {
    let catalog = try await Catalog.open(
        path: folder.database, snapshots: folder.snapshots, sync: .always, settings: settings, clock: clock)
    return TestCatalog(catalog: catalog, folder: folder, clock: clock)
}

extension CatalogSettings {
    /// What is not in the caches is asked of another thread.
    static var cachesAlone: CatalogSettings {
        var settings = CatalogSettings()
        settings.readersNow = 0
        return settings
    }
}

/// Runs `body` on a new catalog and closes it.
func withCatalog(
    settings: CatalogSettings = CatalogSettings(), _ body: (TestCatalog) async throws -> Void
) async throws {
    let test = try await openCatalog(in: try TemporaryFolder(), settings: settings)
    do { try await body(test) } catch {
        try? await test.catalog.close()
        throw error
    }
    try await test.catalog.close()
}

// MARK: - Samples

func digest(_ number: Int) -> Digest {
    var hash = [UInt8](repeating: 0, count: 32)
    for index in 0..<8 { hash[index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    return Digest(.sha256, hash: hash)
}

func upload(_ number: Int, startedMilliseconds: Int64 = 1_800_000_000_000) -> UploadID {
    var random = Counting(next: UInt64(number))
    return UploadID(startedMilliseconds: startedMilliseconds, using: &random)
}

private struct Counting: RandomNumberGenerator {
    var value: UInt64
    init(next: UInt64) { value = next }
    mutating func next() -> UInt64 { value }
}

/// The same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

let alice = Principal.user("alice")

extension TestCatalog {
    func name(_ text: String = "library/box") throws -> RepositoryName { try RepositoryName(text) }
    func tag(_ text: String = "latest") throws -> Tag { try Tag(text) }

    @discardableResult
    func pushBlob(_ number: Int, to repository: String = "library/box", size: Int = 10) async throws
        -> BlobCommitOutcome
    {
        try await catalog.commitBlob(
            BlobCommit(
                repository: name(repository), digest: digest(number), size: Int64(size),
                content: .bytes([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)), upload: nil,
                principal: alice))
    }

    /// A manifest whose bytes are as good as any: what they say is in `references`.
    func push(
        _ number: Int, type: ManifestType = .ociManifest, references: [Int] = [], entries: [Int] = [],
        subject: Int? = nil, artifactType: String? = nil, annotations: [String: String] = [:], tags: [String] = [],
        to repository: String = "library/box", isRoot: Bool = false, condition: TagCondition = .none,
        sparse: Bool = false, contentIsPresent: Bool = false, size: Int = 10
    ) async throws -> ManifestPushOutcome {
        let references =
            references.enumerated().map { index, number in
                ManifestReference(role: index == 0 ? .config : .layer, digest: digest(number), size: 10)
            } + entries.map { ManifestReference(role: .entry, digest: digest($0), size: 10) }
        let manifest = Manifest(
            type: entries.isEmpty ? type : .ociIndex, artifactType: artifactType,
            subject: subject.map {
                Descriptor(mediaType: ManifestType.ociManifest.rawValue, digest: digest($0), size: 10)
            },
            annotations: annotations, references: references)
        return try await catalog.putManifest(
            ManifestPush(
                repository: name(repository), digest: digest(number), manifest: manifest,
                bytes: [UInt8](repeating: 7, count: size), contentIsPresent: contentIsPresent,
                tags: try tags.map { try Tag($0) }, isRoot: isRoot, condition: condition, sparseIndexes: sparse,
                principal: alice))
    }

    func delete(
        _ number: Int, in repository: String = "library/box", allowed: Bool = false, keepChildren: Bool = false,
        keepReferrers: Bool = false
    ) async throws -> ManifestDeletion {
        try await catalog.deleteManifest(
            digest(number), in: name(repository), referencedAllowed: allowed, keepChildren: keepChildren,
            keepReferrers: keepReferrers, by: alice)
    }

    func isThere(_ number: Int, in repository: String = "library/box") async throws -> Bool {
        try await catalog.manifest(digest(number), in: name(repository)) != nil
    }

    func points(_ text: String, in repository: String = "library/box") async throws -> Digest? {
        try await catalog.manifest(tag(text), in: name(repository))?.digest
    }

    /// Rows of a query, as text and numbers, for looking behind the catalog's face.
    func rows(_ sql: StaticString, _ arguments: [SQLValue] = []) async throws -> [[SQLValue]] {
        try await catalog.database.read { transaction throws(CatalogError) in
            try transaction.rows(sql, arguments).map(\.columns)
        }
    }

    /// Changes rows as no operation of the catalog does.
    func run(_ sql: StaticString, _ arguments: [SQLValue] = []) async throws {
        _ = try await catalog.database.write(
            .small, { transaction throws(CatalogError) in try transaction.execute(sql, arguments) }, settled: { _ in })
        catalog.caches.dropAll()
    }

    /// Does something to the writer's own connection.
    func onWriter(_ body: @escaping @Sendable (SQLiteConnection) throws(CatalogError) -> Void) async throws {
        _ = try await catalog.database.write(
            .small,
            { transaction throws(CatalogError) in
                guard let transaction = transaction as? SQLiteTransaction else { throw .damaged("no SQLite") }
                try body(transaction.connection)
            }, settled: { _ in })
    }

    func count(_ sql: StaticString, _ arguments: [SQLValue] = []) async throws -> Int64 {
        guard case .integer(let count) = try await rows(sql, arguments).first?.first else {
            throw TestFailure("no count")
        }
        return count
    }
}
