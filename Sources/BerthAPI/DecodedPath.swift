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
        path.utf8.span.withUnsafeBufferPointer { bytes in
            guard bytes.first == slash else { return false }
            var start = 1
            for position in 1..<bytes.count {
                let byte = bytes[position]
                if byte == slash {
                    guard isSegment(bytes[start..<position]) else { return false }
                    start = position + 1
                } else {
                    guard byte >= 0x20, byte != 0x7F else { return false }
                }
            }
            return start == bytes.count || isSegment(bytes[start...])
        }
    }

    /// Whether there is something between two slashes that does not lead elsewhere.
    private static func isSegment(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        !bytes.isEmpty && (bytes.count > 2 || bytes.contains { $0 != UInt8(ascii: ".") })
    }

    /// Takes `prefix` off if it is a whole segment, slash included.
    mutating func take(prefix: StaticString) -> Bool {
        let bytes = rest.utf8.span
        let count = prefix.utf8CodeUnitCount
        guard bytes.starts(with: prefix), bytes.count == count || bytes[count] == Self.slash else { return false }
        rest = rest[rest.utf8.index(rest.startIndex, offsetBy: count)...]
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
