/// One object of a manifest, the document itself or a descriptor, read member by member with errors that say where.
struct ManifestObject {
    /// Of a media type or artifact type in a body, in bytes: two names of 127 characters and a slash (RFC 6838). Its
    /// grammar is not asked for: media types of content are the client's own affair.
    static let longestMediaType = 255

    private let object: JSONObject
    private let place: ManifestField.Place

    init(_ object: JSONObject, at place: ManifestField.Place) throws(ManifestError) {
        self.object = object
        self.place = place
        let known = place.knownNames
        for member in object.members where !known.contains(where: { hasSameBytes($0, member.key) }) {
            let folded = foldedAsGoDoes(member.key)
            if let name = known.first(where: { folded.elementsEqual($0.utf8.lazy.map(\.asciiLowercased)) }) {
                throw .misspelled(field(member.key), as: name)
            }
        }
    }

    /// The value of a member; nil if it is absent or null.
    subscript(name: String) -> JSONValue? {
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    func field(_ name: String) -> ManifestField { ManifestField(place, name) }

    func wrongKind(_ name: String, _ found: JSONValue, _ expected: JSONKind) -> ManifestError {
        .wrongKind(field(name), found: found.kind, expected: expected)
    }

    func required(_ name: String) throws(ManifestError) -> JSONValue {
        guard let value = self[name] else { throw .missing(field(name)) }
        return value
    }

    func string(_ name: String) throws(ManifestError) -> String? {
        guard let value = self[name] else { return nil }
        guard case .string(let text) = value else { throw wrongKind(name, value, .string) }
        return text
    }

    /// Text that is nil when absent or empty, and not too long to be listed.
    func mediaTypeText(_ name: String) throws(ManifestError) -> String? {
        guard let text = try string(name), !text.isEmpty else { return nil }
        guard text.utf8.count <= Self.longestMediaType else {
            throw .tooLong(field(name), limit: Self.longestMediaType)
        }
        return text
    }

    func object(_ name: String, at place: ManifestField.Place) throws(ManifestError) -> ManifestObject {
        let value = try required(name)
        guard case .object(let members) = value else { throw wrongKind(name, value, .object) }
        return try ManifestObject(members, at: place)
    }

    /// A list that has to be there; null is an empty one, since that is how Go writes an empty list.
    func list(_ name: String) throws(ManifestError) -> [JSONValue] {
        guard let value = object[name] else { throw .missing(field(name)) }
        switch value {
        case .null: return []
        case .array(let values): return values
        default: throw wrongKind(name, value, .array)
        }
    }

    func digest() throws(ManifestError) -> Digest {
        guard let text = try string("digest") else { throw .missing(field("digest")) }
        do { return try Digest(text) } catch { throw .digestInvalid(field("digest"), text, error) }
    }

    func size() throws(ManifestError) -> Int64 {
        guard case .integer(let size) = try required("size"), size >= 0 else { throw .sizeInvalid(field("size")) }
        return size
    }

    /// Text by text, nothing else: other values break every typed reader.
    func annotations() throws(ManifestError) -> [String: String] {
        guard let value = self["annotations"] else { return [:] }
        guard case .object(let members) = value else { throw wrongKind("annotations", value, .object) }
        var annotations: [String: String] = [:]
        for member in members.members {
            guard case .string(let text) = member.value else {
                throw wrongKind("annotations.\(member.key)", member.value, .string)
            }
            guard annotations.updateValue(text, forKey: member.key) == nil else {
                throw .annotationRepeated(field("annotations"), key: member.key)
            }
        }
        return annotations
    }
}

/// The key in lower case, with the two characters outside ASCII that Go's decoder takes for letters: ſ and the Kelvin
/// sign (`encoding/json`, "foldName").
private func foldedAsGoDoes(_ key: String) -> [UInt8] {
    var folded: [UInt8] = []
    for scalar in key.unicodeScalars.prefix(32) {
        switch scalar {
        case "\u{17F}": folded.append(UInt8(ascii: "s"))
        case "\u{212A}": folded.append(UInt8(ascii: "k"))
        case _ where scalar.isASCII: folded.append(UInt8(truncatingIfNeeded: scalar.value).asciiLowercased)
        default: folded.append(0xFF)
        }
    }
    return folded
}
