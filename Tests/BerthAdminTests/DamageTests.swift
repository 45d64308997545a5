import BerthCatalog
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import Logging
import Testing

@testable import BerthAdmin

@Suite("Content whose file is gone")
struct DamageTests {
    enum Accident: CaseIterable { case removal, cut }

    @Test(
        "a collection finds it, tells of it as long as it is so, and a push of the same bytes heals it (B9)",
        arguments: Accident.allCases)
    func healing(accident: Accident) async throws {
        try await withLiveServer(settles: false) { live in
            let bytes = [UInt8](repeating: 7, count: 100_000)
            let digest = try await live.push(bytes, to: "a/b")
            let target = "/v2/a/b/blobs/\(digest)"
            #expect(await live.server.registry.settler.settleAll())
            #expect(try await live.get(target).body == bytes, "it is open from now on")
            switch accident {
            case .removal: try live.removeContent(digest)
            case .cut: try Data("short".utf8).write(to: URL(filePath: live.path(of: digest)), options: .atomic)
            }

            let api = AdminAPI(
                AdminParts(
                    access: live.server.access, registry: live.server.registry, collector: live.server.collector),
                version: "1", door: .socket(user: 0), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            // The first round finds it; the others find nothing new, and tell of it all the same.
            let steps = [("POST", "/gc", 1), ("POST", "/gc", 0), ("GET", "/gc/progress", 1)]
            for (method, path, found) in steps {
                let report = try await api.json(method, path).json
                #expect(report["lost_files"] as? Int == found, "\(method) \(path)")
                #expect(report["damaged_items"] as? Int == 1)
                #expect(report["damaged"] as? [String] == [digest.text])
            }
            #expect(try await live.server.registry.catalog.content(digest)?.isDamaged == true)
            for method in ["HEAD", "GET"] { #expect(try await live.send(method, target).status == 404) }

            #expect(try await live.push(bytes, to: "a/b") == digest)
            #expect(await live.server.registry.settler.settleAll())
            #expect(try await live.get(target).body == bytes)
            let report = try await api.json("POST", "/gc").json
            #expect(report["lost_files"] as? Int == 0 && report["damaged_items"] as? Int == 0)
            #expect(report["damaged"] as? [String] == [])
        }
    }
}
