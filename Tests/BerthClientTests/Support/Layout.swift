import Foundation
import Testing

/// Images in a folder, as the image specification's "Image Layout" has them: what skopeo and umoci read.
struct Layout: Sendable {
    let scratch: Scratch
    let name: String
    var path: String { "\(scratch.folder)/\(name)" }

    init(_ name: String, in scratch: Scratch) throws {
        self.scratch = scratch
        self.name = name
        try scratch.makeFolder("\(name)/blobs/sha256")
        try scratch.write(#"{"imageLayoutVersion": "1.0.0"}"#, to: "\(name)/oci-layout")
        try scratch.write(json(ImageIndex(manifests: [])), to: "\(name)/index.json")
    }

    /// Takes a file over as a blob.
    func add(file: String, mediaType: String) async throws -> ContentDescriptor {
        let digest = try await scratch.sha256(file)
        let blob = "\(path)/blobs/sha256/\(digest.dropFirst("sha256:".count))"
        if !FileManager.default.fileExists(atPath: blob) {
            try FileManager.default.copyItem(atPath: file, toPath: blob)
        }
        let size = try #require(try FileManager.default.attributesOfItem(atPath: blob)[.size] as? Int)
        return ContentDescriptor(mediaType: mediaType, digest: digest, size: size)
    }

    func add(text: String, mediaType: String) async throws -> ContentDescriptor {
        try scratch.write(text, to: "\(name)/text")
        defer { try? FileManager.default.removeItem(atPath: "\(path)/text") }
        return try await add(file: "\(path)/text", mediaType: mediaType)
    }

    /// Makes an image of layers and, if it is to have one, gives it a tag.
    func image(
        _ layers: [SampleLayer], tag: String?, architecture: String = "amd64", command: [String]
    ) async throws -> ContentDescriptor {
        var descriptors: [ContentDescriptor] = []
        var contents: [String] = []
        for layer in layers {
            descriptors.append(try await add(file: layer.file, mediaType: layer.mediaType))
            contents.append(try await scratch.sha256(layer.tar))
        }
        let configuration = ImageConfiguration(
            architecture: architecture,
            config: .init(environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], command: command),
            rootfs: .init(contents: contents),
            history: layers.map { .init(createdBy: ($0.tar as NSString).lastPathComponent) })
        let config = try await add(text: json(configuration), mediaType: "application/vnd.oci.image.config.v1+json")
        let manifest = ImageManifest(config: config, layers: descriptors)
        var image = try await add(text: json(manifest), mediaType: ImageManifest.mediaType)
        image.platform = .init(architecture: architecture)
        if let tag { try self.tag(image, tag) }
        return image
    }

    /// Makes an index of images.
    func index(_ images: [ContentDescriptor], tag: String) async throws -> ContentDescriptor {
        let index = try await add(text: json(ImageIndex(manifests: images)), mediaType: ImageIndex.mediaType)
        try self.tag(index, tag)
        return index
    }

    func tag(_ descriptor: ContentDescriptor, _ tag: String) throws {
        var index: ImageIndex = try parse(scratch.read("\(name)/index.json"))
        var tagged = descriptor
        tagged.annotations = ["org.opencontainers.image.ref.name": tag]
        index.manifests.append(tagged)
        try scratch.write(json(index), to: "\(name)/index.json")
    }

    /// Pushes one of the images byte for byte, or converted to the manifest format `format` (`v2s2`).
    ///
    /// Without `--preserve-digests` Skopeo may replace a layer by another compression of the same content that it
    /// remembers from this registry, whichever test pushed it.
    func push(_ tag: String, to image: String, format: String? = nil) async throws {
        let form = format.map { ["--format", $0] } ?? ["--preserve-digests"]
        let command = scratch.command(
            "skopeo", ["copy", "-q", "--all"] + form + ["oci:\(path):\(tag)", "docker://\(image)"])
        let finished = try await command.run()
        guard finished.status == 0 else { throw CommandFailure(finished: finished) }
    }
}
