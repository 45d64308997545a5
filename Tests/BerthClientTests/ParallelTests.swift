import Foundation
import Testing

@Suite("Many at once")
struct ParallelTests {
    @Test("pushes of one image into many repositories all succeed")
    func manyRepositories() async throws {
        try await withClients(.skopeo) { at in
            let image = try await pushAll(at) { "box-\($0):1" }
            for number in 0..<count {
                let digest = try await at.run(
                    "skopeo", "inspect", "--format", "{{.Digest}}", "docker://\(at.image("box-\(number):1"))")
                #expect(digest.text == image.digest)
            }
            try await at.run("skopeo", "copy", "-q", "docker://\(at.image("box-3:1"))", "oci:back:1")
            try await at.run("diff", "-r", "\(at.folder)/layout/blobs", "\(at.folder)/back/blobs")
        }
    }

    @Test("pushes of one image to tags of one repository, and to one and the same tag, all succeed")
    func oneRepository() async throws {
        try await withClients(.skopeo) { at in
            _ = try await pushAll(at) { "box:\($0 / 2)" }
            #expect(try await at.tags("box") == ["0", "1", "2", "3"])
        }
    }

    @Test("attachments to one image are all listed as its referrers")
    func attachments() async throws {
        try await withClients(.curl, .skopeo) { at in
            let layout = try Layout("layout", in: at)
            let image = try await at.box(layout, tag: "1")
            let subject = ContentDescriptor(mediaType: image.mediaType, digest: image.digest, size: image.size)
            try await layout.push("1", to: at.image("box:1"))
            try at.write("{}", to: "empty")
            let empty = try await at.upload("\(at.folder)/empty", to: "box")
            let config = ContentDescriptor(mediaType: "application/vnd.oci.empty.v1+json", digest: empty, size: 2)

            let attached = try await withThrowingTaskGroup { group in
                for number in 0..<24 {
                    let manifest = ImageManifest(
                        artifactType: "application/vnd.example.\(number % 2 == 0 ? "even" : "odd")",
                        config: config, layers: [config], subject: subject, annotations: ["number": "\(number)"])
                    try at.write(json(manifest), to: "manifest-\(number)")
                    group.addTask { try await attach("manifest-\(number)", to: subject, at) }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(attached.count == 24)

            let all = try await at.curl(at.url("box/referrers/\(subject.digest)"))
            #expect(Set(try parse(all.text, as: ImageIndex.self).manifests.map(\.digest)) == attached)
            let odd = try await at.curl(
                at.url("box/referrers/\(subject.digest)"), ["-G", "-d", "artifactType=application/vnd.example.odd"])
            #expect(odd.headers["oci-filters-applied"] == "artifactType")
            let numbers = try parse(odd.text, as: ImageIndex.self).manifests.compactMap { $0.annotations?["number"] }
            #expect(Set(numbers) == Set((0..<12).map { "\($0 * 2 + 1)" }))
        }
    }

    private let count = 8

    /// Pushes one image under eight names at once.
    private func pushAll(_ at: Scratch, _ name: @Sendable (Int) -> String) async throws -> ContentDescriptor {
        let layout = try Layout("layout", in: at)
        let image = try await layout.image(
            [.content("box"), at.layer(["large": at.random(3_000_000)])], tag: "1", command: ["sh"])
        try await withThrowingTaskGroup { group in
            for number in 0..<count {
                let target = at.image(name(number))
                group.addTask { try await layout.push("1", to: target) }
            }
            try await group.waitForAll()
        }
        return image
    }

    private func attach(_ file: String, to subject: ContentDescriptor, _ at: Scratch) async throws -> String {
        let digest = try await at.sha256(file)
        let put = try await at.curl(
            at.url("box/manifests/\(digest)"),
            ["-X", "PUT", "--data-binary", "@\(file)", "-H", "Content-Type: \(ImageManifest.mediaType)"])
        #expect(put.status == 201, "\(put.text)")
        #expect(put.headers["oci-subject"] == subject.digest)
        return digest
    }
}
