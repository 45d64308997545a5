import BerthModel
import Testing

/// A body that is accepted, and what is read from it.
struct AcceptedManifest: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let contentType: String?
    let body: String
    let references: [Int64]
    let artifactType: String?

    /// `references` are the sizes of what has to exist.
    init(_ name: String, _ contentType: String?, _ body: String, _ references: [Int64], _ artifactType: String? = nil) {
        (testDescription, self.contentType, self.body) = (name, contentType, body)
        (self.references, self.artifactType) = (references, artifactType)
    }
}

private let imageConfig = "application/vnd.oci.image.config.v1+json"
private let dockerConfig = "application/vnd.docker.container.image.v1+json"
private let cacheConfig = "application/vnd.buildkit.cacheconfig.v0"
private let nonDistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar"
private let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"

private let realOnes: [AcceptedManifest] = [
    .init("Docker image", Sample.dockerManifest, Sample.docker, [7023, 32654, 16724], dockerConfig),
    .init("Docker list", Sample.dockerList, Sample.dockerManifestList, [7143, 7682]),
    .init("Docker image for Windows", Sample.dockerManifest, Sample.dockerWindows, [1278, 332], dockerConfig),
    .init("BuildKit index with attestation", Sample.ociIndex, Sample.buildKitIndex, [675, 566]),
    .init("BuildKit attestation", Sample.ociManifest, Sample.buildKitAttestation, [167, 1340], imageConfig),
    .init("BuildKit cache as index of blobs", Sample.ociIndex, Sample.buildKitCacheIndex, [3_402_422, 1654]),
    .init("BuildKit cache as image", Sample.ociManifest, Sample.buildKitCacheImage, [1654, 3_402_422], cacheConfig),
    .init("Helm chart", Sample.ociManifest, Sample.helm, [117, 2487, 643], "application/vnd.cncf.helm.config.v1+json"),
    .init("cosign bundle", Sample.ociManifest, Sample.cosignBundle, [2, 3204], bundle),
    .init("cosign signature", Sample.ociManifest, Sample.cosignSignature, [233, 242], imageConfig),
    .init("ORAS artifact", Sample.ociManifest, Sample.oras, [2, 2], "application/vnd.example.sbom.v1"),
    .init(
        "Singularity SIF", Sample.ociManifest, Sample.singularity, [2, 42_717_184],
        "application/vnd.sylabs.sif.config.v1+json"),
    .init("Ollama model", Sample.dockerManifest, Sample.ollama, [487, 4_920_734_176, 96], dockerConfig),
    .init("index with a subject", Sample.ociIndex, Sample.attachedIndex, [7], "application/x.list"),
]

private let byRule: [AcceptedManifest] = [
    .init("type from the body alone", nil, Sample.image(), [7, 7], imageConfig),
    .init("index, type from the body alone", nil, Sample.index(), [7]),
    .init("Docker image, type from the body alone", nil, Sample.docker, [7023, 32654, 16724], dockerConfig),
    .init("Docker list, type from the body alone", nil, Sample.dockerManifestList, [7143, 7682]),
    .init("parameters on the header", Sample.ociManifest + "; charset=utf-8", Sample.image(), [7, 7], imageConfig),
    .init("letter case of the header", "Application/VND.oci.image.index.V1+JSON", Sample.index(), [7]),
    .init("header alone", Sample.ociIndex, #"{"schemaVersion":2,"manifests":[]}"#, []),
    .init("empty mediaType is none", Sample.ociIndex, #"{"schemaVersion":2,"mediaType":"","manifests":[]}"#, []),
    .init("null mediaType is none", Sample.ociIndex, #"{"schemaVersion":2,"mediaType":null,"manifests":[]}"#, []),
    .init("zero layers", Sample.ociManifest, Sample.image(layers: ""), [7], imageConfig),
    .init(
        "null layers", Sample.ociManifest, #"{"schemaVersion":2,"config":\#(Sample.config),"layers":null}"#, [7],
        imageConfig),
    .init("no entries", Sample.ociIndex, Sample.index(""), []),
    .init("null entries", Sample.ociIndex, #"{"schemaVersion":2,"manifests":null}"#, []),
    .init(
        "null members of the other type", nil, Sample.image(more: #","manifests":null,"fsLayers":null"#), [7, 7],
        imageConfig),
    .init("null config and layers in an index", nil, Sample.index(more: #","config":null,"layers":null"#), [7]),
    .init(
        "null subject, annotations, artifactType", nil,
        Sample.index(more: #","subject":null,"annotations":null,"artifactType":null"#), [7]),
    .init("empty artifactType is none", nil, Sample.image(more: #","artifactType":"""#), [7, 7], imageConfig),
    .init(
        "artifactType with an empty config", nil,
        Sample.image(config: Sample.empty, layers: Sample.empty, more: #","artifactType":"a/b""#), [2, 2], "a/b"),
    .init(
        "empty config without artifactType", nil, Sample.image(config: Sample.empty), [2, 7],
        "application/vnd.oci.empty.v1+json"),
    .init(
        "artifactType before the config's media type", nil, Sample.image(more: #","artifactType":"a/b""#), [7, 7], "a/b"
    ),
    .init(
        "any config media type", nil, Sample.image(config: Sample.descriptor(1, "application/octet-stream")), [7, 7],
        "application/octet-stream"),
    .init("a config media type that is none", nil, Sample.image(config: Sample.descriptor(1, "text")), [7, 7], "text"),
    .init("an empty media type", nil, Sample.image(config: Sample.descriptor(1, "")), [7, 7]),
    .init("size zero", nil, Sample.image(layers: Sample.descriptor(1, size: "0")), [7, 0], imageConfig),
    .init("size minus zero", nil, Sample.image(layers: Sample.descriptor(1, size: "-0")), [7, 0], imageConfig),
    .init(
        "largest size", nil, Sample.image(layers: Sample.descriptor(1, size: "9223372036854775807")), [7, .max],
        imageConfig),
    .init(
        "two sizes whose sum overflows", nil,
        Sample.index([1, 2].map { Sample.descriptor($0, size: "9223372036854775807") }.joined(separator: ",")),
        [.max, .max]),
    .init(
        "one layer twice", nil, Sample.image(layers: Sample.descriptor(1) + "," + Sample.descriptor(1)), [7, 7, 7],
        imageConfig),
    .init(
        "unknown members", nil,
        Sample.image(more: #","x":[{"y":1e400,"z":9223372036854775808}],"blobs":[],"history":[]"#), [7, 7], imageConfig),
    .init(
        "unknown members of a descriptor", nil,
        Sample.image(layers: Sample.descriptor(1, more: #","x":null,"platform":7,"urls":7"#)), [7, 7], imageConfig),
    .init(
        "a member like a known one", nil, Sample.image(more: #","layer":1,"manifest":2,"con-fig":3,"LAYERSX":4,"é":5"#),
        [7, 7], imageConfig),
    .init(
        "urls are no exemption", nil,
        Sample.image(layers: Sample.descriptor(1, more: #","urls":["https://example.org/x"]"#)), [7, 7], imageConfig),
    .init(
        "a non-distributable layer", nil, Sample.image(layers: Sample.descriptor(1, nonDistributable)), [7], imageConfig
    ),
    .init("a non-distributable entry", nil, Sample.index(Sample.descriptor(1, nonDistributable + "+gzip")), []),
    .init(
        "a config is never exempt", nil, Sample.image(config: Sample.descriptor(1, nonDistributable)), [7, 7],
        nonDistributable),
    .init("nested index", nil, Sample.index(Sample.descriptor(1, Sample.ociIndex)), [7]),
    .init("entry of any media type", nil, Sample.index(Sample.descriptor(1, "text/plain")), [7]),
    .init("sha512", nil, Sample.index(#"{"mediaType":"a/b","digest":"\#(Digest.ofNothing(.sha512))","size":0}"#), [0]),
    .init(
        "annotations everywhere", nil,
        Sample.index(
            Sample.descriptor(1, more: #","annotations":{"a":"b"}"#), more: #","annotations":{"":"","é":"\n"}"#), [7]),
    .init(
        "empty data for size zero", nil, Sample.image(layers: Sample.descriptor(1, size: "0", more: #","data":"""#)),
        [7, 0], imageConfig),
    .init("space around", nil, "\n\t " + Sample.index() + "\r\n\n", [7]),
    .init(
        "escaped keys and values", nil,
        #"{"\u0073chemaVersion":2,"mediaType":"application\/vnd.oci.image.index.v1+json","manif\u0065sts":[]}"#, []),
    .init(
        "a Docker image with a subject", nil,
        Sample.docker.replacingLast("}", #","subject":\#(Sample.descriptor(9))}"#), [7023, 32654, 16724], dockerConfig),
    .init(
        "63 deep", nil,
        Sample.index(more: #","x":\#(String(repeating: "[", count: 63) + String(repeating: "]", count: 63))"#), [7]),
]

extension String {
    /// The last occurrence of `character` replaced.
    fileprivate func replacingLast(_ character: Character, _ replacement: String) -> String {
        guard let index = lastIndex(of: character) else { return self }
        return self[..<index] + replacement + self[self.index(after: index)...]
    }
}

@Suite("Manifests that are accepted")
struct ManifestTests {
    @Test("what it refers to and its artifact type", arguments: realOnes + byRule)
    func accepted(_ manifest: AcceptedManifest) throws {
        let parsed = try Manifest.parse(Array(manifest.body.utf8), contentType: manifest.contentType)
        #expect(parsed.references.map(\.size) == manifest.references)
        #expect(parsed.artifactType == manifest.artifactType)
        if let contentType = manifest.contentType {
            #expect(try MediaType(contentType).matches(parsed.type.rawValue))
        }
    }

    @Test("roles and digests, config first")
    func roles() throws {
        let parsed = try Manifest.parse(Array(Sample.docker.utf8), contentType: nil)
        #expect(parsed.type == .dockerManifest)
        #expect(parsed.references.map(\.role) == [.config, .layer, .layer])
        #expect(parsed.references.map(\.digest.text) == [1, 2, 3].map(Sample.digest))
        #expect(parsed.subject == nil)
        let index = try Manifest.parse(Array(Sample.buildKitCacheIndex.utf8), contentType: nil)
        #expect(index.references.map(\.role) == [.entry, .entry])
    }

    @Test("the subject is no reference")
    func subject() throws {
        let parsed = try Manifest.parse(Array(Sample.cosignBundle.utf8), contentType: nil)
        let digest = try Digest(Sample.digest(3))
        #expect(parsed.subject == Descriptor(mediaType: Sample.ociManifest, digest: digest, size: 675))
        #expect(!parsed.references.contains { $0.digest == digest })
        #expect(parsed.annotations["dev.sigstore.bundle.content"] == "dsse-envelope")
        #expect(parsed.annotations.count == 2)
    }

    @Test(
        "layers that need not exist are kept apart",
        arguments: [
            "application/vnd.docker.image.rootfs.foreign.diff.tar",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", nonDistributable, nonDistributable + "+gzip",
            nonDistributable + "+zstd",
        ])
    func undistributed(mediaType: String) throws {
        let body = Sample.image(layers: Sample.descriptor(1, mediaType) + "," + Sample.descriptor(2))
        let parsed = try Manifest.parse(Array(body.utf8), contentType: nil)
        #expect(parsed.undistributed.map(\.digest.text) == [Sample.digest(1)])
        #expect(parsed.references.map(\.digest.text) == [0, 2].map(Sample.digest))
    }

    @Test("embedded data is handed on, from every descriptor, with its place")
    func embedded() throws {
        let body = Sample.image(
            config: Sample.empty,
            layers: Sample.descriptor(1) + "," + Sample.descriptor(2, size: "3", more: #","data":"Zm9v""#),
            more: #","subject":\#(Sample.descriptor(3, size: "4", more: #","data":"Zm9vYg==""#))"#)
        let parsed = try Manifest.parse(Array(body.utf8), contentType: nil)
        #expect(parsed.embedded.map(\.field.description) == ["config.data", "layers[1].data", "subject.data"])
        #expect(parsed.embedded.map(\.bytes) == ["{}", "foo", "foob"].map { Array($0.utf8) })
        #expect(parsed.embedded.map(\.size) == [2, 3, 4])
        #expect(parsed.embedded.map(\.digest.text) == [Sample.emptyDigest, Sample.digest(2), Sample.digest(3)])
    }

    @Test("a body without mediaType is what the header says: as image and as index it is not one and the same")
    func noConfusion() throws {
        let bodies = [Sample.helm, Sample.singularity, #"{"schemaVersion":2,"manifests":[]}"#]
        for body in bodies {
            let readings = ManifestType.allCases.filter {
                (try? Manifest.parse(Array(body.utf8), contentType: $0.rawValue)) != nil
            }
            #expect(readings.count == 1)
        }
    }
}
