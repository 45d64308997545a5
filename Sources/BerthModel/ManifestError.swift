/// Why a body is not a manifest that Berth takes. Every case is a 400 `MANIFEST_INVALID`.
package enum ManifestError: Error, Hashable {
    case notJSON(JSONError)
    case notAnObject(JSONKind)
    case contentTypeInvalid(String, MediaTypeError)
    /// Neither the header nor the body says what it is.
    case typeUnknown
    case typeUnsupported(String)
    case typeMismatch(contentType: ManifestType, mediaType: String)
    /// Docker's first format, or its media type.
    case schema1
    case schemaVersion(Int64)
    /// A member that belongs to another type: the body could be read as either (CVE-2021-41190).
    case ambiguous(ManifestType, member: String)
    /// A member that some clients take for a known one and others ignore.
    case misspelled(ManifestField, as: String)
    case missing(ManifestField)
    case wrongKind(ManifestField, found: JSONKind, expected: JSONKind)
    case tooLong(ManifestField, limit: Int)
    case digestInvalid(ManifestField, String, DigestError)
    /// A size that is negative, or not an integer of 64 bits.
    case sizeInvalid(ManifestField)
    case dataNotBase64(ManifestField)
    case dataSize(ManifestField, size: Int64, found: Int)
    /// The bytes in `data` do not hash to the descriptor's digest. Thrown by who checks `Manifest.embedded`.
    case dataDiffers(ManifestField, Digest)
    /// Two keys of annotations that are the same text to Unicode, though not the same bytes.
    case annotationRepeated(ManifestField, key: String)
    case tooManyReferences(Int)

    /// For a person, without a full stop: what is wrong and, where it is not plain, what to do.
    package var message: String {
        switch self {
        case .notJSON(let error): "the manifest is not valid JSON: \(error.message)"
        case .notAnObject(let kind): "a manifest is a JSON object, not \(kind.withArticle)"
        case .contentTypeInvalid(let text, let error):
            "the Content-Type \(quoted(text)) cannot be read: \(error.message)"
        case .typeUnknown: "say what the manifest is by a Content-Type header or its mediaType: \(Self.supported)"
        case .typeUnsupported(let text): "manifests of type \(quoted(text)) are not taken; supported: \(Self.supported)"
        case .typeMismatch(let contentType, let mediaType):
            "the Content-Type is \(contentType.rawValue), but the manifest's mediaType is \(quoted(mediaType))"
        case .schema1:
            "Docker image manifest schema 1 is not supported; push again with a current client (schema 2 or OCI)"
        case .schemaVersion(let version): "schemaVersion is 2 in every supported manifest, not \(version)"
        case .ambiguous(let type, let member):
            "a manifest of type \(type.rawValue) has no \(member): it could be taken for another type"
        case .misspelled(let field, let name):
            "\(quoted(field.description)) is read as \(name) by some clients and ignored by others; "
                + "spell it \(name), or choose another name"
        case .missing(let field): "\(field) is missing"
        case .wrongKind(let field, let found, let expected):
            "\(quoted(field.description)) has to be \(expected.withArticle), not \(found.withArticle)"
        case .tooLong(let field, let limit): "\(field) has more than \(limit) bytes"
        case .digestInvalid(let field, let text, let error): "\(field) is \(quoted(text)): \(error.message)"
        case .sizeInvalid(let field): "\(field) has to be a whole number from 0 to \(Int64.max)"
        case .dataNotBase64(let field): "\(field) is not base64"
        case .dataSize(let field, let size, let found): "\(field) holds \(found) bytes, but the size is \(size)"
        case .dataDiffers(let field, let digest): "\(field) does not hash to \(digest)"
        case .annotationRepeated(let field, let key): "\(field) has two keys that both read \(quoted(key))"
        case .tooManyReferences(let count):
            "the manifest refers to \(count) pieces of content; at most \(Manifest.mostReferences) are taken"
        }
    }

    /// The values behind the message, for programs; short whatever was sent.
    package var detail: [String: String] {
        switch self {
        case .notJSON(let error): ["offset": "\(error.offset)"]
        case .contentTypeInvalid(let text, _): ["contentType": text.excerpt]
        case .typeUnsupported(let text): ["mediaType": text.excerpt]
        case .typeMismatch(let contentType, let mediaType):
            ["contentType": contentType.rawValue, "mediaType": mediaType.excerpt]
        case .schemaVersion(let version): ["schemaVersion": "\(version)"]
        case .ambiguous(let type, let member): ["mediaType": type.rawValue, "field": member]
        case .misspelled(let field, _), .missing(let field), .wrongKind(let field, _, _), .tooLong(let field, _),
            .sizeInvalid(let field), .dataNotBase64(let field):
            ["field": field.description.excerpt]
        case .digestInvalid(let field, let text, _): ["field": field.description, "digest": text.excerpt]
        case .dataSize(let field, let size, let found):
            ["field": field.description, "size": "\(size)", "found": "\(found)"]
        case .dataDiffers(let field, let digest): ["field": field.description, "digest": digest.text]
        case .annotationRepeated(let field, let key): ["field": field.description, "key": key.excerpt]
        case .tooManyReferences(let count): ["references": "\(count)", "limit": "\(Manifest.mostReferences)"]
        case .notAnObject, .typeUnknown, .schema1: [:]
        }
    }

    private static let supported = ManifestType.allCases.map(\.rawValue).joined(separator: ", ")
}

extension JSONKind {
    fileprivate var withArticle: String {
        switch self {
        case .null: "null"
        case .bool: "a Boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension String {
    fileprivate var excerpt: String { String(unicodeScalars.prefix(255)) }
}
