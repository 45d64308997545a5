/// A JSON document in memory, as `JSONReader` made it. Bounded by `JSONLimits`, so that nothing here is deeper than 64.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number. Nothing that Berth reads is one, so its value is not kept.
    case otherNumber
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    package var kind: JSONKind {
        switch self {
        case .null: .null
        case .bool: .bool
        case .integer: .integer
        case .otherNumber: .number
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    /// Reads one whole document of UTF-8. `bytes` are not kept.
    package init(parsing bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var reader = JSONReader(bytes, limits)
        self = try reader.document()
    }

    package init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
            try JSONValue(parsing: UnsafeRawBufferPointer(buffer), limits: limits)
        }
    }
}

/// What a value is, in the words of an error message.
package enum JSONKind: String, Hashable, Sendable {
    case null, bool, integer, number, string, array, object
}

/// The members of an object in the order of the document. No two keys have the same bytes.
package struct JSONObject: Equatable, Sendable {
    package struct Member: Equatable, Sendable {
        package let key: String
        package let value: JSONValue

        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }
    package let members: [Member]

    package init(members: [Member]) { self.members = members }

    /// The member whose key has exactly these bytes. Not found by String's ==, to which the Kelvin sign is a `K`.
    package subscript(key: String) -> JSONValue? {
        members.first { hasSameBytes($0.key, key) }?.value
    }
}

/// How much a document may hold. The defaults are those of a manifest.
package struct JSONLimits: Sendable {
    /// Arrays and objects inside one another.
    package var depth = 64
    /// Entries of one array or object.
    package var children = 10_000
    /// Values in all; room for a manifest of 10,000 references with a dozen annotations each.
    package var values = 250_000

    package init() {}
}
