/// One page of a referrers list, as an image index. Distribution specification, "Listing Referrers".
package struct ReferrersPage: Sendable {
    package static let mostEntries = 1_000
    /// In bytes; clients read at most 4 MiB.
    package static let mostBytes = 3 << 20

    private var writer = JSONWriter(reservingCapacity: 4096)
    package private(set) var count = 0

    package init() {
        writer.beginObject()
        writer.key("schemaVersion")
        writer.int(2)
        writer.key("mediaType")
        writer.string(ManifestType.ociIndex.rawValue)
        writer.key("manifests")
        writer.beginArray()
    }

    /// Adds an entry; false, and nothing added, if it does not fit on this page any more. The first one always fits.
    package mutating func append(
        _ descriptor: Descriptor, artifactType: String?, annotations: [String: String]
    ) -> Bool {
        guard count < Self.mostEntries else { return false }
        var entry = JSONWriter()
        entry.descriptor(descriptor, artifactType: artifactType, annotations: annotations)
        guard count == 0 || writer.bytes.count + entry.bytes.count + 3 <= Self.mostBytes else { return false }
        writer.raw(entry.bytes)
        count += 1
        return true
    }

    /// The body of the answer.
    package consuming func finish() -> [UInt8] {
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}

extension JSONWriter {
    /// One descriptor; annotations in byte order of their keys, and left out when there are none.
    package mutating func descriptor(
        _ descriptor: Descriptor, artifactType: String? = nil, annotations: [String: String] = [:]
    ) {
        beginObject()
        key("mediaType")
        string(descriptor.mediaType)
        key("digest")
        string(descriptor.digest.text)
        key("size")
        int(descriptor.size)
        if let artifactType {
            key("artifactType")
            string(artifactType)
        }
        if !annotations.isEmpty {
            key("annotations")
            beginObject()
            for (name, value) in annotations.sorted(by: { precedesInBytes($0.key, $1.key) }) {
                key(name)
                string(value)
            }
            endObject()
        }
        endObject()
    }
}
