import BerthModel

/// Manifests as real clients write them, and pieces to build others from.
enum Sample {
    static let ociManifest = ManifestType.ociManifest.rawValue
    static let ociIndex = ManifestType.ociIndex.rawValue
    static let dockerManifest = ManifestType.dockerManifest.rawValue
    static let dockerList = ManifestType.dockerList.rawValue
    static let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"
    static let emptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    static let empty =
        #"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(emptyDigest)","size":2,"data":"e30="}"#

    /// A digest that differs from others by its number.
    static func digest(_ number: Int) -> String {
        let hex = String(number, radix: 16)
        return "sha256:" + String(repeating: "0", count: 64 - hex.utf8.count) + hex
    }

    /// A descriptor; `more` is put behind its size, as in `,"urls":[]`.
    static func descriptor(_ number: Int, _ mediaType: String = layerType, size: String = "7", more: String = "")
        -> String
    {
        #"{"mediaType":"\#(mediaType)","digest":"\#(digest(number))","size":\#(size)\#(more)}"#
    }

    static let config = descriptor(0, "application/vnd.oci.image.config.v1+json")

    static func image(config: String = config, layers: String = descriptor(1), more: String = "") -> String {
        #"{"schemaVersion":2,"mediaType":"\#(ociManifest)","config":\#(config),"layers":[\#(layers)]\#(more)}"#
    }

    static func index(_ entries: String = descriptor(1, ociManifest), more: String = "") -> String {
        #"{"schemaVersion":2,"mediaType":"\#(ociIndex)","manifests":[\#(entries)]\#(more)}"#
    }

    /// What `docker push` sends from the classic image store.
    static let docker = """
        {
           "schemaVersion": 2,
           "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
           "config": {
              "mediaType": "application/vnd.docker.container.image.v1+json",
              "size": 7023,
              "digest": "\(digest(1))"
           },
           "layers": [
              {
                 "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                 "size": 32654,
                 "digest": "\(digest(2))"
              },
              {
                 "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                 "size": 16724,
                 "digest": "\(digest(3))"
              }
           ]
        }
        """

    static let dockerManifestList = """
        {"schemaVersion":2,"mediaType":"\(dockerList)","manifests":[
        {"mediaType":"\(dockerManifest)","size":7143,"digest":"\(digest(1))","platform":{"architecture":"ppc64le","os":"linux"}},
        {"mediaType":"\(dockerManifest)","size":7682,"digest":"\(digest(2))","platform":{"architecture":"amd64","os":"linux","features":["sse4"]}}]}
        """

    /// A Windows base image: its first layer is foreign.
    static let dockerWindows = """
        {"schemaVersion":2,"mediaType":"\(dockerManifest)",
        "config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":1278,"digest":"\(digest(1))"},
        "layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","size":1661337600,"digest":"\(digest(2))",
        "urls":["https://mcr.microsoft.com/v2/windows/servercore/blobs/\(digest(2))"]},
        {"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":332,"digest":"\(digest(3))"}]}
        """

    /// buildx with provenance: one image and its attestation, which has no platform that exists.
    static let buildKitIndex = """
        {
          "schemaVersion": 2,
          "mediaType": "application/vnd.oci.image.index.v1+json",
          "manifests": [
            {"mediaType": "\(ociManifest)", "digest": "\(digest(1))", "size": 675,
             "platform": {"architecture": "amd64", "os": "linux"}},
            {"mediaType": "\(ociManifest)", "digest": "\(digest(2))", "size": 566,
             "annotations": {"vnd.docker.reference.digest": "\(digest(1))", "vnd.docker.reference.type": "attestation-manifest"},
             "platform": {"architecture": "unknown", "os": "unknown"}}
          ]
        }
        """

    static let buildKitAttestation = """
        {"schemaVersion":2,"mediaType":"\(ociManifest)",
        "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(digest(1))","size":167},
        "layers":[{"mediaType":"application/vnd.in-toto+json","digest":"\(digest(2))","size":1340,
        "annotations":{"in-toto.io/predicate-type":"https://slsa.dev/provenance/v0.2"}}]}
        """

    /// The registry cache with `image-manifest=false`: an index whose entries are blobs.
    static let buildKitCacheIndex = """
        {"schemaVersion":2,"mediaType":"\(ociIndex)","manifests":[
        {"mediaType":"\(layerType)","digest":"\(digest(1))","size":3402422,
        "annotations":{"buildkit/createdat":"2026-01-19T07:58:53.5Z","containerd.io/uncompressed":"\(digest(9))"}},
        {"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"\(digest(2))","size":1654}]}
        """

    static let buildKitCacheImage = """
        {"schemaVersion":2,"mediaType":"\(ociManifest)",
        "config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"\(digest(1))","size":1654},
        "layers":[{"mediaType":"\(layerType)","digest":"\(digest(2))","size":3402422}]}
        """

    static let helm = """
        {"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"\(digest(1))","size":117},
        "layers":[{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"\(digest(2))","size":2487},
        {"mediaType":"application/vnd.cncf.helm.chart.provenance.v1.prov","digest":"\(digest(3))","size":643}],
        "annotations":{"org.opencontainers.image.title":"mychart","org.opencontainers.image.version":"0.1.0+a"}}
        """

    static let cosignBundle = """
        {"schemaVersion":2,"mediaType":"\(ociManifest)","artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json",
        "config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"\(emptyDigest)"},
        "layers":[{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","size":3204,"digest":"\(digest(2))"}],
        "subject":{"mediaType":"\(ociManifest)","size":675,"digest":"\(digest(3))"},
        "annotations":{"dev.sigstore.bundle.content":"dsse-envelope","org.opencontainers.image.created":"2026-02-03T10:00:00Z"}}
        """

    /// A signature of the older kind, under a tag of its own.
    static let cosignSignature = """
        {"schemaVersion":2,"mediaType":"\(ociManifest)",
        "config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":233,"digest":"\(digest(1))"},
        "layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":242,"digest":"\(digest(2))",
        "annotations":{"dev.cosignproject.cosign/signature":"MEUCIQ==","dev.sigstore.cosign/bundle":"{\\"Payload\\":{}}"}}]}
        """

    static let oras = """
        {"schemaVersion":2,"mediaType":"\(ociManifest)","artifactType":"application/vnd.example.sbom.v1",
        "config":\(empty),"layers":[\(empty)],"subject":{"mediaType":"\(ociManifest)","digest":"\(digest(3))","size":9},
        "annotations":{"org.opencontainers.image.created":"2026-01-01T00:00:00Z"}}
        """

    /// What `apptainer push oras://` writes.
    static let singularity = """
        {"schemaVersion":2,"config":{"mediaType":"application/vnd.sylabs.sif.config.v1+json","digest":"\(emptyDigest)","size":2},
        "layers":[{"mediaType":"application/vnd.sylabs.sif.layer.v1.sif","digest":"\(digest(2))","size":42717184,
        "annotations":{"org.opencontainers.image.title":"alpine_latest.sif"}}]}
        """

    static let ollama = """
        {"schemaVersion":2,"mediaType":"\(dockerManifest)",
        "config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"\(digest(1))","size":487},
        "layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"\(digest(2))","size":4920734176},
        {"mediaType":"application/vnd.ollama.image.params","digest":"\(digest(3))","size":96}]}
        """

    /// Notation's signature, an index with a subject and an artifact type.
    static let attachedIndex = index(
        descriptor(1, ociManifest), more: #","artifactType":"application/x.list","subject":\#(descriptor(8, ociIndex))"#
    )

    /// Docker's first format, signature and all.
    static let schema1 = """
        {"schemaVersion":1,"name":"library/box","tag":"latest","architecture":"amd64",
        "fsLayers":[{"blobSum":"\(digest(1))"}],"history":[{"v1Compatibility":"{}"}],
        "signatures":[{"header":{"alg":"ES256"},"signature":"x","protected":"y"}]}
        """
}
