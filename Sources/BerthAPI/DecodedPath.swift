import BerthModel

/// A path whose segments have been decoded once and are sound: each begins at a slash, none holds another or a control
/// byte, none is a dot or two, and none but the last is empty. It is taken apart from its end.
struct DecodedPath {
    /// What has not been taken yet: empty, or begins with a slash.
    private(set) var rest: Substring

    private static let slash = UInt8(ascii: "/")

    /// Throws `pathUnknown` for a path that is not sound.
    init(_ raw: String) throws(Refusal) {
        rest = try Self.decode(raw)[...]
        guard Self.isSound(rest) else { throw .pathUnknown }
    }

    private static func decode(_ raw: String) throws(Refusal) -> String {
        guard raw.utf8.span.firstIndex(of: UInt8(ascii: "%")) != nil else { return raw }
        var decoded: [String] = []
        for segment in raw.utf8.split(separator: slash, omittingEmptySubsequences: false) {
            guard let text = PercentEncoding.decode(segment), !text.utf8.contains(slash) else { throw .pathUnknown }
            decoded.append(text)
        }
        return decoded.joined(separator: "/")
    }

    private static func isSound(_ path: Substring) -> Bool {
        let bytes = path.utf8.span
        guard !bytes.isEmpty, bytes[0] == slash else { return false }
        var length = 0
        var dots = 0
        var isFirst = true
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == slash {
                guard isFirst || (length > 0 && !(length == dots && dots <= 2)) else { return false }
                (length, dots, isFirst) = (0, 0, false)
            } else {
                guard byte >= 0x20, byte != 0x7F else { return false }
                length += 1
                if byte == UInt8(ascii: ".") { dots += 1 }
            }
        }
        return length == 0 || !(length == dots && dots <= 2)
    }

    /// Takes `prefix` off if it is a whole segment, slash included.
    mutating func take(prefix: String) -> Bool {
        let bytes = rest.utf8
        guard bytes.starts(with: prefix.utf8) else { return false }
        let after = bytes.dropFirst(prefix.utf8.count)
        guard after.first == nil || after.first == Self.slash else { return false }
        rest = Substring(after)
        return true
    }

    /// The last segment, which is empty after a closing slash. Throws `pathUnknown` where there is none.
    mutating func popLast() throws(Refusal) -> Substring {
        guard let offset = rest.utf8.span.lastIndex(of: Self.slash) else { throw .pathUnknown }
        let slash = rest.utf8.index(rest.startIndex, offsetBy: offset)
        defer { rest = rest[..<slash] }
        return rest[rest.utf8.index(after: slash)...]
    }
}
