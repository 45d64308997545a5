/// The media types that a manifest may be pushed with. What is served is always one of these, never a client's text.
package enum ManifestType: String, Hashable, Sendable, CaseIterable {
    case ociManifest = "application/vnd.oci.image.manifest.v1+json"
    case ociIndex = "application/vnd.oci.image.index.v1+json"
    case dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    case dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"

    /// True for a list of manifests, false for one image or artifact.
    package var isIndex: Bool {
        switch self {
        case .ociIndex, .dockerList: true
        case .ociManifest, .dockerManifest: false
        }
    }

    /// The types that may be left out of the body: Docker's have always had to name themselves there.
    var isOptionalInBody: Bool {
        switch self {
        case .ociManifest, .ociIndex: true
        case .dockerManifest, .dockerList: false
        }
    }

    /// The type that a `Content-Type` header means. Parameters and letter case do not matter.
    init(contentType: String) throws(ManifestError) {
        let mediaType: MediaType
        do { mediaType = try MediaType(contentType) } catch { throw .contentTypeInvalid(contentType, error) }
        guard !Self.schema1.contains(where: mediaType.matches) else { throw .schema1 }
        guard let type = Self.allCases.first(where: { mediaType.matches($0.rawValue) })
        else { throw .typeUnsupported(mediaType.text) }
        self = type
    }

    /// The type that a body's `mediaType` means: exactly these letters, as every client compares them.
    init(bodyMediaType text: String) throws(ManifestError) {
        guard !Self.schema1.contains(where: { hasSameBytes($0, text) }) else { throw .schema1 }
        guard let type = Self.allCases.first(where: { hasSameBytes($0.rawValue, text) })
        else { throw .typeUnsupported(text) }
        self = type
    }

    private static let schema1 = [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ]
}
