import Foundation
import Testing

/// Arrows between rooms point one way, and each outside package has one door.
@Suite("Imports")
struct ImportTests {
    /// What each room may import of ours.
    private static let rooms: [String: Set<String>] = [
        "BerthModel": [],
        "BerthDigest": ["BerthModel"],
        "BerthBlobs": ["BerthModel", "BerthDigest"],
        "BerthCatalog": ["BerthModel"],
        "BerthRegistry": ["BerthModel", "BerthDigest", "BerthBlobs", "BerthCatalog"],
        "BerthCollector": ["BerthModel", "BerthBlobs", "BerthCatalog"],
        "BerthHTTP": ["BerthModel"],
        "BerthFetch": [],
        "BerthAccess": ["BerthModel", "BerthDigest", "BerthCatalog", "BerthRegistry", "BerthFetch"],
        "BerthAPI": ["BerthModel", "BerthHTTP", "BerthRegistry", "BerthAccess", "BerthBlobs", "BerthCatalog"],
        "BerthAdmin": [
            "BerthModel", "BerthCatalog", "BerthRegistry", "BerthAccess", "BerthCollector", "BerthHTTP",
        ],
        "BerthConfig": ["BerthModel"],
        "BerthAuthority": ["BerthModel"],
        "BerthServer": [
            "BerthModel", "BerthDigest", "BerthBlobs", "BerthCatalog", "BerthRegistry", "BerthAccess", "BerthCollector",
            "BerthHTTP", "BerthAPI", "BerthAdmin", "BerthConfig", "BerthAuthority",
        ],
        "berth": ["BerthModel", "BerthConfig", "BerthServer", "BerthCatalog", "BerthCollector", "BerthRegistry"],
    ]

    /// The rooms through which an outside package comes in.
    private static let doors: [String: Set<String>] = [
        "GRDB": ["BerthCatalog"],
        "GRDBSQLite": ["BerthCatalog"],
        "CLibCrypto": ["BerthDigest"],
        "CLibCrypt": ["BerthAccess"],
        "JWTKit": ["BerthAccess"],
        "AsyncHTTPClient": ["BerthFetch"],
        "NIOSSL": ["BerthHTTP", "BerthFetch"],
        "X509": ["BerthAuthority"],
        "SwiftASN1": ["BerthAuthority"],
        "Crypto": ["BerthAuthority"],
        "NIOTLS": ["BerthHTTP"],
        "HTTPTypes": ["BerthHTTP", "BerthAPI", "BerthAdmin", "BerthServer"],
        "Configuration": ["BerthConfig"],
        "Yams": ["BerthConfig"],
        "ArgumentParser": ["berth"],
        "ServiceLifecycle": ["BerthServer"],
        "UnixSignals": ["BerthServer"],
        "CoreMetrics": ["BerthServer"],
        "Metrics": ["BerthServer"],
    ]

    @Test("a room imports only rooms below it", arguments: rooms.keys.sorted())
    func downwards(room: String) throws {
        let allowed = try #require(Self.rooms[room])
        for (file, module) in try imports(of: room) where module.lowercased().hasPrefix("berth") {
            #expect(allowed.contains(module), "\(file) imports \(module)")
        }
    }

    @Test("an outside package comes in by its door alone")
    func oneDoor() throws {
        for room in try Project.rooms() {
            for (file, module) in try imports(of: room) {
                guard let doors = Self.doors[module] else { continue }
                #expect(doors.contains(room), "\(file) imports \(module)")
            }
        }
    }

    @Test("the model imports nothing at all")
    func pure() throws {
        let found = try imports(of: "BerthModel")
        #expect(found.isEmpty, "\(found)")
    }

    @Test("every room is known here, so that a new one gets its place")
    func complete() throws {
        #expect(try Set(Project.rooms()) == Set(Self.rooms.keys))
    }

    private func imports(of room: String) throws -> [(file: String, module: String)] {
        try Project.sources(of: room).flatMap { path in
            try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ").drop { $0 == "package" || $0 == "internal" || $0.hasPrefix("@") }
                guard words.first == "import", let module = words.last else { return nil }
                return (path, String(module.split(separator: ".")[0]))
            }
        }
    }
}
