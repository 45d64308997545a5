/// Reads one JSON document (RFC 8259), more strictly than most: every reader of an accepted document sees the same one.
///
/// Refused besides wrong syntax: duplicate keys, compared as decoded bytes; bad UTF-8 and lone surrogates; a byte order
/// mark; NUL; and whatever is beyond the limits, as soon as they are reached. Open arrays and objects are kept in a
/// list, not on the stack, so depth costs no recursion.
struct JSONReader {
    private struct Container {
        let isObject: Bool
        var keys: [String] = []
        var values: [JSONValue] = []
    }

    let bytes: UnsafeRawBufferPointer
    var position = 0
    private let limits: JSONLimits
    private var open: [Container] = []
    private var valueCount = 0

    init(_ bytes: UnsafeRawBufferPointer, _ limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSONValue {
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else { throw error(.byteOrderMark) }
        var finished = try beginValue()
        while true {
            guard let value = finished else {
                finished = try beginValue()
                continue
            }
            if open.isEmpty {
                skipSpace()
                guard position == bytes.count else { throw error(.trailingBytes) }
                return value
            }
            finished = try add(value)
        }
    }

    /// Reads a scalar or an empty container; nil after opening a container whose first value comes next.
    private mutating func beginValue() throws(JSONError) -> JSONValue? {
        skipSpace()
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        valueCount += 1
        guard valueCount <= limits.values else { throw error(.tooManyValues(limit: limits.values)) }
        switch byte {
        case UInt8(ascii: "{"):
            try push(Container(isObject: true))
            guard peek() != UInt8(ascii: "}") else { return try close() }
            try readKey()
            return nil
        case UInt8(ascii: "["):
            try push(Container(isObject: false))
            guard peek() != UInt8(ascii: "]") else { return try close() }
            return nil
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
        default: throw error(.unexpectedByte(byte))
        }
    }

    /// Adds a value to the innermost container; the container itself if that ends with it, nil if another value comes.
    private mutating func add(_ value: JSONValue) throws(JSONError) -> JSONValue? {
        let innermost = open.count - 1
        let isObject = open[innermost].isObject
        guard open[innermost].values.count < limits.children else {
            throw error(.tooManyChildren(limit: limits.children))
        }
        open[innermost].values.append(value)
        skipSpace()
        switch peek() {
        case UInt8(ascii: ","):
            position += 1
            skipSpace()
            if isObject { try readKey() }
            return nil
        case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject: return try close()
        case .some(let byte): throw error(.unexpectedByte(byte))
        case nil: throw error(.unexpectedEnd)
        }
    }

    private mutating func push(_ container: Container) throws(JSONError) {
        guard open.count < limits.depth else { throw error(.tooDeep(limit: limits.depth)) }
        open.append(container)
        position += 1
        skipSpace()
    }

    private mutating func close() throws(JSONError) -> JSONValue? {
        guard let container = open.popLast() else { return nil }
        position += 1
        guard container.isObject else { return .array(container.values) }
        if let key = firstDuplicate(container.keys) { throw error(.duplicateKey(key)) }
        let members = zip(container.keys, container.values).map { JSONObject.Member(key: $0, value: $1) }
        return .object(JSONObject(members: members))
    }

    private mutating func readKey() throws(JSONError) {
        try expect(UInt8(ascii: "\""))
        position -= 1
        let key = try readString()
        open[open.count - 1].keys.append(key)
        skipSpace()
        try expect(UInt8(ascii: ":"))
    }

    private mutating func readWord(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for offset in 0..<word.utf8CodeUnitCount { try expect(word.utf8Start[offset]) }
        return value
    }
}

// MARK: - Bytes

extension JSONReader {
    func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func expect(_ expected: UInt8) throws(JSONError) {
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        guard byte == expected else { throw error(.unexpectedByte(byte)) }
        position += 1
    }

    mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    func error(_ problem: JSONError.Problem) -> JSONError { JSONError(problem: problem, offset: position) }
}

/// The first key that stood before, with the same bytes.
private func firstDuplicate(_ keys: [String]) -> String? {
    if keys.count <= 8 {  // most objects; no set needed
        for (index, key) in keys.enumerated() where keys[..<index].contains(where: { hasSameBytes($0, key) }) {
            return key
        }
        return nil
    }
    var seen = Set<ByteText>(minimumCapacity: keys.count)
    return keys.first { !seen.insert(ByteText(text: $0)).inserted }
}

/// Text that equals other text only if the bytes do.
private struct ByteText: Hashable {
    let text: String

    static func == (a: ByteText, b: ByteText) -> Bool { hasSameBytes(a.text, b.text) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
