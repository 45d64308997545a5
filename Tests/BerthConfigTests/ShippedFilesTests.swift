import Foundation
import Testing

@testable import BerthConfig

@Suite("Files that are shipped")
struct ShippedFilesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Config")
    private static let examples = ["ci-throwaway", "team-tls", "behind-proxy", "unix-socket"]

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: Self.folder.appending(path: name)), as: UTF8.self)
    }

    @Test("Config/berth.yaml is what the table writes (berth config template > Config/berth.yaml)")
    func template() throws { #expect(try text("berth.yaml") == Configuration.template) }

    @Test("Config/berth.schema.json is what the table writes (berth config schema > Config/berth.schema.json)")
    func schema() throws { #expect(try text("berth.schema.json") == Configuration.schema) }

    @Test("loading the shipped file changes nothing, and names every key that has a default")
    func defaults() throws {
        let loaded = try Configuration.load(file: Self.folder.appending(path: "berth.yaml").path())
        #expect(loaded.configuration == Configuration())
        let withDefault = Configuration.settings.settings.filter { $0.texts(Configuration()) != nil }
        #expect(Set(loaded.origins.keys) == Set(withDefault.map(\.name)))
    }

    @Test("what stands behind # in the shipped file is right as well")
    func commented() throws {
        let keys = Set(Configuration.settings.settings.map { "# \($0.components.last ?? ""):" })
        let lines = try text("berth.yaml").split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let trimmed = line.drop { $0 == " " }
            guard keys.contains(where: trimmed.hasPrefix) else { return String(line) }
            return String(line).replacing("# ", with: "", maxReplacements: 1)
        }
        // The prose of storage.sync starts like a key; it is the one line that does.
        let file = lines.filter { !$0.contains("what is acknowledged") }.joined(separator: "\n")
        #expect(try load(file: file).origins.count == Configuration.settings.settings.count)
    }

    @Test("every example loads", arguments: examples)
    func example(name: String) throws {
        let loaded = try Configuration.load(file: Self.folder.appending(path: "examples/\(name).yaml").path())
        #expect(loaded.configuration != Configuration())
    }

    @Test("no example is forgotten here")
    func all() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.appending(path: "examples").path())
        #expect(files.sorted() == Self.examples.map { "\($0).yaml" }.sorted())
    }

    @Test("the schema knows every key")
    func coverage() throws {
        let schema = try #require(
            try JSONSerialization.jsonObject(with: Data(Configuration.schema.utf8)) as? [String: Any])
        for setting in Configuration.settings.settings {
            var node: [String: Any]? = schema
            for component in setting.components {
                node = (node?["properties"] as? [String: Any])?[component] as? [String: Any]
            }
            #expect(node?["description"] as? String == setting.doc, "\(setting.name)")
        }
    }
}

@Suite("Listing values")
struct ExplanationTests {
    @Test("every key is listed in the table's order, with where it comes from")
    func listing() throws {
        let loaded = try load(
            environment: ["BERTH_HTTP_HOSTS": "a,b"],
            flags: [Override(key: "storage.root", value: "/x", flag: "--root")])
        let listing = loaded.explain()
        #expect(listing.map(\.key) == Configuration.settings.names)
        let byKey = Dictionary(uniqueKeysWithValues: listing.map { ($0.key, $0) })
        #expect(byKey["http.hosts"].map { "\($0.value) \($0.origin)" } == "[a, b] BERTH_HTTP_HOSTS")
        #expect(byKey["storage.root"].map { "\($0.value) \($0.origin)" } == "/x --root")
        #expect(byKey["storage.sync"].map { "\($0.value) \($0.origin)" } == "always default")
        #expect(byKey["storage.id"].map { "\($0.value) \($0.origin)" } == "- default")
        #expect(
            byKey["storage.id"]?.json
                == .object([
                    "key": .string("storage.id"), "value": .null, "source": .string("default"),
                    "doc": .string(
                        "Id that the root must carry (see its LAYOUT file), so that an unmounted disk is no empty registry."
                    ),
                ]))
    }
}
