import Foundation
import Testing

@Suite("Skopeo")
struct SkopeoTests {
    @Test(
        "copies an image to the registry and back, unchanged", arguments: [SampleLayer.Compression.gzip, .zstd, .none])
    func copy(compression: SampleLayer.Compression) async throws {
        try await withClients(.skopeo) { at in
            let layout = try Layout("layout", in: at)
            let image = try await at.box(layout, tag: "1", compression)
            try await layout.push("1", to: at.image("box:1"))
            try await at.run(
                "skopeo", "copy", "-q", "--preserve-digests", "docker://\(at.image("box@\(image.digest)"))",
                "oci:back:1")
            try await at.run(
                "diff", "-r", "\(layout.path)/blobs", "\(at.folder)/back/blobs")
        }
    }

    @Test("copies all images of an index, between repositories too")
    func copyAll() async throws {
        try await withClients(.skopeo) { at in
            let layout = try Layout("layout", in: at)
            let images = [
                try await at.box(layout, tag: nil, text: "amd64"),
                try await at.box(layout, tag: nil, text: "arm64", architecture: "arm64"),
            ]
            let index = try await layout.index(images, tag: "both")
            try await layout.push("both", to: at.image("multi:1"))
            try await at.run(
                "skopeo", "copy", "-q", "--all", "--preserve-digests", "docker://\(at.image("multi:1"))",
                "docker://\(at.image("other/multi:2"))")
            let digest = try await at.run(
                "skopeo", "inspect", "--format", "{{.Digest}}", "docker://\(at.image("other/multi:2"))")
            #expect(digest.text == index.digest)
            for architecture in ["amd64", "arm64"] {
                let inspected = try await at.run(
                    "skopeo", "--override-arch", architecture, "inspect", "--format", "{{.Architecture}}",
                    "docker://\(at.image("other/multi:2"))")
                #expect(inspected.text == architecture)
            }
        }
    }

    @Test("converts to Docker's schema 2 on the way")
    func schema2() async throws {
        try await withClients(.skopeo) { at in
            let layout = try Layout("layout", in: at)
            // A layer of its own: what skopeo has remembered of others' layers, for all of this user, would be tried first.
            _ = try await layout.image(
                [at.layer(["x": at.random(50_000)])], tag: "1", architecture: "amd64", command: ["cat", "/x"])
            try await layout.push("1", to: at.image("box:v2s2"), format: "v2s2")
            let raw = try await at.run("skopeo", "inspect", "--raw", "docker://\(at.image("box:v2s2"))")
            let manifest: ImageManifest = try parse(raw.output)
            #expect(manifest.mediaType == "application/vnd.docker.distribution.manifest.v2+json")
            try await at.run("skopeo", "copy", "-q", "docker://\(at.image("box:v2s2"))", "oci:back:1")
        }
    }

    @Test("inspects, lists tags, and deletes")
    func inspectListDelete() async throws {
        try await withClients(.skopeo) { at in
            let layout = try Layout("layout", in: at)
            let first = try await at.box(layout, tag: "1", text: "one")
            try await at.box(layout, tag: "2", text: "two")
            for tag in ["1", "2"] { try await layout.push(tag, to: at.image("box:\(tag)")) }
            try await layout.push("1", to: at.image("box:v1.0_x"))

            struct Inspected: Decodable {
                let name: String
                let digest: String
                let tags: [String]
                let layers: [String]

                private enum CodingKeys: String, CodingKey {
                    case name = "Name"
                    case digest = "Digest"
                    case tags = "RepoTags"
                    case layers = "Layers"
                }
            }
            let inspected: Inspected = try parse(
                try await at.run("skopeo", "inspect", "docker://\(at.image("box:1"))").output)
            #expect(inspected.name == at.image("box"))
            #expect(inspected.digest == first.digest)
            #expect(inspected.tags == ["1", "2", "v1.0_x"])
            #expect(inspected.layers.count == 2)
            let config = try await at.run("skopeo", "inspect", "--config", "docker://\(at.image("box:1"))")
            #expect(try parse(config.output, as: ImageConfiguration.self).config.command == ["cat", "/marker"])

            // Skopeo deletes by digest: with the manifest go all its tags.
            try await at.run("skopeo", "delete", "docker://\(at.image("box:1"))")
            #expect(try await at.tags("box") == ["2"])
            let gone = try await at.fail("skopeo", "inspect", "docker://\(at.image("box:1"))")
            #expect(gone.errors.contains("manifest unknown"))
            // What was deleted can be pushed again.
            try await layout.push("1", to: at.image("box:1"))
            #expect(try await at.tags("box") == ["1", "2"])
        }
    }

    @Test("syncs a repository to a folder and back")
    func sync() async throws {
        try await withClients(.skopeo) { at in
            let layout = try Layout("layout", in: at)
            for tag in ["1", "2", "3"] {
                try await at.box(layout, tag: tag, text: tag)
                try await layout.push(tag, to: at.image("box:\(tag)"))
            }
            try at.makeFolder("synced")
            try await at.run(
                "skopeo", "sync", "--src", "docker", "--dest", "dir", at.image("box"), "\(at.folder)/synced")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(at.folder)/synced").count == 3)
            try await at.run(
                "skopeo", "sync", "--src", "dir", "--dest", "docker", "\(at.folder)/synced", at.image("mirror"))
            #expect(try await at.tags("mirror/box") == ["1", "2", "3"])
        }
    }
}

extension Scratch {
    /// A repository's tags, as skopeo lists them.
    func tags(_ name: String) async throws -> [String] {
        let list = try await run("skopeo", "list-tags", "docker://\(image(name))")
        return try parse(list.output, as: TagList.self).tags
    }

    private struct TagList: Decodable {
        let tags: [String]

        private enum CodingKeys: String, CodingKey { case tags = "Tags" }
    }
}
