/// A manifest as Berth understands it: what it is, and what it refers to. The bytes themselves are kept as pushed.
package struct Manifest: Hashable, Sendable {
    package let type: ManifestType
    /// As the referrers list shows it: the manifest's own `artifactType`, else its config's media type; nil for an
    /// index without one. Distribution specification, "Listing Referrers".
    package let artifactType: String?
    /// The manifest that this one is attached to; it need not exist.
    package let subject: Descriptor?
    /// Top-level annotations. No two keys are the same text to Unicode.
    package let annotations: [String: String]
    /// Everything that has to be there for this manifest to be usable: the config, then layers or entries in the order
    /// of the document, without the subject and without `undistributed`. One digest may stand here more than once.
    package let references: [ManifestReference]
    /// Layers of the types that are not meant to be distributed: they may be missing, but belong to the manifest (and
    /// must not be collected) where they were pushed all the same.
    package let undistributed: [ManifestReference]
    /// Content that the document carries itself in `data` fields. Sizes match; whoever can hash checks the digests.
    package let embedded: [EmbeddedData]

    package init(
        type: ManifestType, artifactType: String?, subject: Descriptor?, annotations: [String: String],
        references: [ManifestReference], undistributed: [ManifestReference] = [], embedded: [EmbeddedData] = []
    ) {
        self.type = type
        self.artifactType = artifactType
        self.subject = subject
        self.annotations = annotations
        self.references = references
        self.undistributed = undistributed
        self.embedded = embedded
    }
}

/// An edge from a manifest to content.
package struct ManifestReference: Hashable, Sendable {
    package enum Role: Int, Hashable, Sendable, CaseIterable {
        case config = 0
        case layer = 1
        /// An entry of an index: a manifest, or (in a build cache) a blob.
        case entry = 2
    }
    package let role: Role
    package let digest: Digest
    /// In bytes, as the descriptor says; checked against the stored content.
    package let size: Int64

    package init(role: Role, digest: Digest, size: Int64) {
        self.role = role
        self.digest = digest
        self.size = size
    }
}

/// What points at content from inside a document. Image specification, "Content Descriptors".
package struct Descriptor: Hashable, Sendable {
    package let mediaType: String
    package let digest: Digest
    /// In bytes, never negative.
    package let size: Int64

    package init(mediaType: String, digest: Digest, size: Int64) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
    }
}

/// The decoded `data` of a descriptor: `size` bytes that have to hash to `digest`, else `ManifestError.dataDiffers`.
package struct EmbeddedData: Hashable, Sendable {
    package let field: ManifestField
    package let digest: Digest
    package let bytes: [UInt8]
    package var size: Int64 { Int64(bytes.count) }
}
