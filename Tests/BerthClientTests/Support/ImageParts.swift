import Foundation

/// A descriptor as the image specification has it, as far as the tests look.
struct ContentDescriptor: Codable, Equatable, Sendable {
    struct Platform: Codable, Equatable, Sendable {
        var architecture: String
        var os = "linux"
    }
    var mediaType: String
    var digest: String
    var size: Int
    var platform: Platform?
    var annotations: [String: String]?
    var artifactType: String?

    /// The digest without its algorithm.
    var hex: String { String(digest.drop { $0 != ":" }.dropFirst()) }
}

/// An image manifest.
struct ImageManifest: Codable, Sendable {
    static let mediaType = "application/vnd.oci.image.manifest.v1+json"
    var schemaVersion = 2
    var mediaType: String? = ImageManifest.mediaType
    var artifactType: String?
    var config: ContentDescriptor
    var layers: [ContentDescriptor]
    var subject: ContentDescriptor?
    var annotations: [String: String]?
}

/// An index: of platforms, of referrers, or of a layout's images.
struct ImageIndex: Codable, Sendable {
    static let mediaType = "application/vnd.oci.image.index.v1+json"
    var schemaVersion = 2
    var mediaType: String? = ImageIndex.mediaType
    var manifests: [ContentDescriptor]
}

/// An image's configuration.
struct ImageConfiguration: Codable, Sendable {
    struct Settings: Codable, Sendable {
        var environment: [String]
        var command: [String]

        private enum CodingKeys: String, CodingKey {
            case environment = "Env"
            case command = "Cmd"
        }
    }
    struct RootFS: Codable, Sendable {
        var type = "layers"
        /// Digests of the layers unpacked.
        var contents: [String]

        private enum CodingKeys: String, CodingKey {
            case type
            case contents = "diff_ids"
        }
    }
    /// How a layer came to be. Optional by the specification; some clients insist on one entry a layer.
    struct Step: Codable, Sendable {
        var createdBy: String

        private enum CodingKeys: String, CodingKey { case createdBy = "created_by" }
    }
    var architecture: String
    var os = "linux"
    var config: Settings
    var rootfs: RootFS
    var history: [Step]
}

/// JSON the same way each time, so that equal values have equal digests.
func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
func parse<Value: Decodable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text.utf8))
}
