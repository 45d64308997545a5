/// A place in a manifest, for error messages.
package struct ManifestField: Hashable, Sendable, CustomStringConvertible {
    package enum Place: Hashable, Sendable {
        case top, config, subject
        case layer(Int)
        case entry(Int)
    }
    package let place: Place
    /// The member's name; empty for the object at `place` itself.
    package let name: String

    package init(_ place: Place, _ name: String = "") {
        self.place = place
        self.name = name
    }

    /// As in `layers[3].digest`.
    package var description: String {
        let object: String
        switch place {
        case .top: return name
        case .config: object = "config"
        case .subject: object = "subject"
        case .layer(let index): object = "layers[\(index)]"
        case .entry(let index): object = "manifests[\(index)]"
        }
        return name.isEmpty ? object : "\(object).\(name)"
    }
}

extension ManifestField.Place {
    /// The members that Berth reads here. An object may hold others, but none that differs from these by letter
    /// case alone: Go's decoder, which most clients use, takes `Layers` for `layers`, and would see another manifest.
    var knownNames: [String] {
        switch self {
        case .top:
            [
                "schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "annotations",
                "fsLayers",
            ]
        case .config, .subject, .layer, .entry:
            ["mediaType", "digest", "size", "data", "annotations"]
        }
    }
}
