/// A media type as a header or a query parameter names it: `type/subtype`, without the parameters that may follow.
///
/// Grammar: RFC 6838, section 4.2 for the names, RFC 9110, section 8.3.1 for the parameters, which are checked and left
/// out. The spelling is kept; compare with `matches`, since letter case means nothing.
package struct MediaType: Hashable, Sendable, CustomStringConvertible {
    /// Of the type and of the subtype each, in characters.
    package static let longestName = 127

    /// Type, slash and subtype, as they were written.
    package let text: String
    /// The text had parameters, as in `text/plain; charset=utf-8`.
    package let hadParameters: Bool
    package var description: String { text }

    package init(_ text: some StringProtocol) throws(MediaTypeError) {
        var scanner = MediaTypeScanner(bytes: Array(text.utf8))
        scanner.skipSpace()
        let start = scanner.position
        try scanner.name()
        guard scanner.take(UInt8(ascii: "/")) else { throw .noSlash }
        try scanner.name()
        let essence = scanner.bytes[start..<scanner.position]
        hadParameters = try scanner.parameters()
        self.text = String(decoding: essence, as: UTF8.self)
    }

    /// True if `other`, in lower case, is this type.
    package func matches(_ other: String) -> Bool {
        text.utf8.count == other.utf8.count && text.utf8.lazy.map(\.asciiLowercased).elementsEqual(other.utf8)
    }
}

package enum MediaTypeError: Error, Hashable {
    case noSlash
    /// Type or subtype is empty or starts with something else than a letter or digit.
    case noName
    case nameTooLong
    /// Offset in bytes.
    case badParameter(offset: Int)

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .noSlash: "a media type is written type/subtype"
        case .noName: "type and subtype of a media type start with a letter or digit"
        case .nameTooLong: "type and subtype of a media type have at most \(MediaType.longestName) characters each"
        case .badParameter(let offset):
            "a media type may be followed by parameters such as ; charset=utf-8; the character at position \(offset) "
                + "does not fit"
        }
    }
}

private struct MediaTypeScanner {
    let bytes: [UInt8]
    var position = 0

    func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 { position += 1 }
    }

    mutating func name() throws(MediaTypeError) {
        let start = position
        guard let first = peek(), first.isLetter || first.isDigit else { throw .noName }
        while let byte = peek(), byte.isRestrictedName { position += 1 }
        guard position - start <= MediaType.longestName else { throw .nameTooLong }
    }

    /// `*( OWS ";" OWS [ token "=" ( token / quoted-string ) ] )` up to the end; whether there were any.
    mutating func parameters() throws(MediaTypeError) -> Bool {
        var found = false
        while true {
            skipSpace()
            guard let byte = peek() else { return found }
            guard byte == UInt8(ascii: ";") else { throw .badParameter(offset: position) }
            position += 1
            skipSpace()
            guard let next = peek() else { return found }
            if next == UInt8(ascii: ";") { continue }
            found = true
            try token()
            guard take(UInt8(ascii: "=")) else { throw .badParameter(offset: position) }
            if peek() == UInt8(ascii: "\"") { try quotedString() } else { try token() }
        }
    }

    private mutating func token() throws(MediaTypeError) {
        let start = position
        while let byte = peek(), byte.isToken { position += 1 }
        guard position > start else { throw .badParameter(offset: position) }
    }

    private mutating func quotedString() throws(MediaTypeError) {
        position += 1
        while let byte = peek() {
            position += 1
            if byte == UInt8(ascii: "\"") { return }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = peek(), escaped.isQuotable else { throw .badParameter(offset: position) }
                position += 1
            } else if !byte.isQuotable {
                throw .badParameter(offset: position - 1)
            }
        }
        throw .badParameter(offset: position)
    }
}

extension UInt8 {
    /// RFC 6838, "restricted-name-chars".
    fileprivate var isRestrictedName: Bool {
        isLetter || isDigit || "!#$&-^_.+".utf8.contains(self)
    }
    /// RFC 9110, section 5.6.2, "tchar".
    fileprivate var isToken: Bool {
        isLetter || isDigit || "!#$%&'*+-.^_`|~".utf8.contains(self)
    }
    /// What may stand in a quoted string or behind its backslash.
    fileprivate var isQuotable: Bool { self == 0x09 || (self >= 0x20 && self != 0x7F) }
}
