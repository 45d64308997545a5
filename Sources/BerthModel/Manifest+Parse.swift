extension Manifest {
    /// Config, layers and entries of one manifest together, whether they have to be there or not.
    package static let mostReferences = 10_000

    /// Reads a pushed body. `contentType` is the header's value as it came, nil when there was none.
    ///
    /// Strict, because what one reader takes for an image must not be an index to another (CVE-2021-41190): the body's
    /// `mediaType` has to be the header's, members of the other type are refused, so are duplicate keys and keys that
    /// differ from known ones by letter case. Other unknown members are ignored; null stands for an absent one, as Go
    /// writes and reads it. Image specification, "Image Manifest" and "Image Index".
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, contentType: String?
    ) throws(ManifestError) -> Manifest {
        var declared: ManifestType?
        if let contentType { declared = try ManifestType(contentType: contentType) }
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes) } catch { throw .notJSON(error) }
        guard case .object(let members) = value else { throw .notAnObject(value.kind) }
        let document = try ManifestObject(members, at: .top)
        try checkSchemaVersion(document)
        let type = try type(of: document, declared: declared)
        var reader = ManifestReader(document: document, type: type)
        return try reader.manifest()
    }

    package static func parse(_ bytes: [UInt8], contentType: String?) throws(ManifestError) -> Manifest {
        try bytes.withUnsafeBufferPointer { buffer throws(ManifestError) in
            try parse(UnsafeRawBufferPointer(buffer), contentType: contentType)
        }
    }

    private static func checkSchemaVersion(_ document: ManifestObject) throws(ManifestError) {
        switch try document.required("schemaVersion") {
        case .integer(2): return
        case .integer(1): throw .schema1
        case .integer(let other): throw .schemaVersion(other)
        case let other: throw document.wrongKind("schemaVersion", other, .integer)
        }
    }

    private static func type(
        of document: ManifestObject, declared: ManifestType?
    ) throws(ManifestError) -> ManifestType {
        let inBody = try document.string("mediaType") ?? ""
        guard let declared else {
            guard !inBody.isEmpty else { throw .typeUnknown }
            return try ManifestType(bodyMediaType: inBody)
        }
        if inBody.isEmpty {
            guard declared.isOptionalInBody else { throw .missing(ManifestField(.top, "mediaType")) }
        } else {
            guard hasSameBytes(inBody, declared.rawValue) else {
                throw .typeMismatch(contentType: declared, mediaType: inBody)
            }
        }
        return declared
    }
}

/// Collects what one document refers to.
private struct ManifestReader {
    let document: ManifestObject
    let type: ManifestType
    private var references: [ManifestReference] = []
    private var undistributed: [ManifestReference] = []
    private var embedded: [EmbeddedData] = []

    init(document: ManifestObject, type: ManifestType) {
        self.document = document
        self.type = type
    }

    mutating func manifest() throws(ManifestError) -> Manifest {
        // `fsLayers` is what older clients know schema 1 by, whatever its version says.
        for member in type.isIndex ? ["config", "layers", "fsLayers"] : ["manifests", "fsLayers"]
        where document[member] != nil {
            throw .ambiguous(type, member: member)
        }
        var artifactType = try document.mediaTypeText("artifactType")
        if type.isIndex {
            try readList("manifests", .entry, ManifestField.Place.entry)
        } else {
            let config = try descriptor(document.object("config", at: .config))
            add(config, .config)
            artifactType = artifactType ?? (config.mediaType.isEmpty ? nil : config.mediaType)
            try readList("layers", .layer, ManifestField.Place.layer)
        }
        let subject = document["subject"] == nil ? nil : try descriptor(document.object("subject", at: .subject))
        return Manifest(
            type: type, artifactType: artifactType, subject: subject, annotations: try document.annotations(),
            references: references, undistributed: undistributed, embedded: embedded)
    }

    private mutating func readList(
        _ name: String, _ role: ManifestReference.Role, _ place: (Int) -> ManifestField.Place
    ) throws(ManifestError) {
        let values = try document.list(name)
        guard references.count + values.count <= Manifest.mostReferences else {
            throw .tooManyReferences(references.count + values.count)
        }
        references.reserveCapacity(references.count + values.count)
        for (index, value) in values.enumerated() {
            let place = place(index)
            guard case .object(let members) = value else {
                throw .wrongKind(ManifestField(place), found: value.kind, expected: .object)
            }
            add(try descriptor(try ManifestObject(members, at: place)), role)
        }
    }

    /// A layer is exempt from having to exist by its type alone, as Docker's registry has it. `urls` are no exemption:
    /// any descriptor may carry them as a hint, and clients still ask the registry first.
    private mutating func add(_ descriptor: Descriptor, _ role: ManifestReference.Role) {
        let reference = ManifestReference(role: role, digest: descriptor.digest, size: descriptor.size)
        if role != .config && nonDistributable.contains(descriptor.mediaType) {
            undistributed.append(reference)
        } else {
            references.append(reference)
        }
    }

    private mutating func descriptor(_ object: ManifestObject) throws(ManifestError) -> Descriptor {
        guard let mediaType = try object.string("mediaType") else { throw .missing(object.field("mediaType")) }
        guard mediaType.utf8.count <= ManifestObject.longestMediaType else {
            throw .tooLong(object.field("mediaType"), limit: ManifestObject.longestMediaType)
        }
        let descriptor = Descriptor(mediaType: mediaType, digest: try object.digest(), size: try object.size())
        _ = try object.annotations()
        guard let data = try object.string("data") else { return descriptor }
        guard let bytes = decodeBase64(data) else { throw .dataNotBase64(object.field("data")) }
        guard Int64(bytes.count) == descriptor.size else {
            throw .dataSize(object.field("data"), size: descriptor.size, found: bytes.count)
        }
        embedded.append(EmbeddedData(field: object.field("data"), digest: descriptor.digest, bytes: bytes))
        return descriptor
    }
}

/// Layers that a registry need not have. Image specification, "Non-Distributable Layers", and Docker's own.
private let nonDistributable: Set<String> = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
]
