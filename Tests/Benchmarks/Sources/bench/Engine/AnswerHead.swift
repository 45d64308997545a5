import Glibc

/// The parts of an answer's head that matter here.
struct AnswerHead {
    var status = 0
    /// `Content-Length`; -1 without.
    var length = -1
    var isChunked = false
    var closes = false
}

extension AnswerHead {
    /// Reads a head of `count` bytes, its empty line included, and copies `Location` and `Link`.
    init?(_ bytes: UnsafePointer<UInt8>, _ count: Int, location: inout Bytes, link: inout Bytes) {
        self.init()
        guard count >= 16, memcmp(bytes, "HTTP/1.", 7) == 0 else { return nil }
        for index in 9..<12 {
            guard bytes[index] >= 48, bytes[index] <= 57 else { return nil }
            status = status * 10 + Int(bytes[index] - 48)
        }
        var line = Self.endOfLine(bytes, 12, count) + 2
        while line < count {
            let end = Self.endOfLine(bytes, line, count)
            switch bytes[line] | 0x20 {
            case UInt8(ascii: "c"):
                if let value = Self.value(bytes, line, end, "content-length:") {
                    length = 0
                    for index in value..<end { length = length * 10 + Int(bytes[index] & 15) }
                } else if let value = Self.value(bytes, line, end, "connection:") {
                    closes = bytes[value] | 0x20 == UInt8(ascii: "c")
                }
            case UInt8(ascii: "t"):
                if Self.value(bytes, line, end, "transfer-encoding:") != nil { isChunked = true }
            case UInt8(ascii: "l"):
                if let value = Self.value(bytes, line, end, "location:") {
                    location.count = 0
                    location.append(bytes + value, end - value)
                } else if let value = Self.value(bytes, line, end, "link:") {
                    link.count = 0
                    link.append(bytes + value, end - value)
                }
            default: break
            }
            line = end + 2
        }
    }

    private static func endOfLine(_ bytes: UnsafePointer<UInt8>, _ from: Int, _ count: Int) -> Int {
        guard let found = memchr(bytes + from, 13, count - from) else { return count }
        return UnsafeRawPointer(bytes).distance(to: found)
    }

    /// Where the value of the field `name` (lower case, with its colon) begins, if this line is that field.
    private static func value(_ bytes: UnsafePointer<UInt8>, _ line: Int, _ end: Int, _ name: StaticString) -> Int? {
        let length = name.utf8CodeUnitCount
        guard end - line > length else { return nil }
        for index in 0..<length where bytes[line + index] | 0x20 != name.utf8Start[index] | 0x20 { return nil }
        var value = line + length
        while value < end, bytes[value] == 32 { value += 1 }
        return value
    }
}

/// Walks through the chunked coding. RFC 9112, section 7.1.
struct ChunkReader {
    private enum Place { case size, extra, data, dataEnd, trailer }
    private var place = Place.size
    private var size = 0
    private var lineLength = 0

    /// Gives each run of the body's bytes to `body`. Returns how many bytes were taken and whether that was the end.
    mutating func read(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ body: (UnsafePointer<UInt8>, Int) -> Void
    ) -> (taken: Int, isEnd: Bool) {
        var at = 0
        while at < count {
            let byte = bytes[at]
            switch place {
            case .size:
                at += 1
                switch byte {
                case 48...57: size = size * 16 + Int(byte - 48)
                case 65...70, 97...102: size = size * 16 + Int((byte | 0x20) - 87)
                case 10: enterData()
                default: place = .extra
                }
            case .extra:
                at += 1
                if byte == 10 { enterData() }
            case .data:
                let length = min(size, count - at)
                body(bytes + at, length)
                at += length
                size -= length
                if size == 0 { place = .dataEnd }
            case .dataEnd:
                at += 1
                if byte == 10 { place = .size }
            case .trailer:
                at += 1
                if byte == 10 {
                    if lineLength == 0 {
                        self = ChunkReader()
                        return (at, true)
                    }
                    lineLength = 0
                } else if byte != 13 {
                    lineLength += 1
                }
            }
        }
        return (at, false)
    }

    private mutating func enterData() {
        place = size == 0 ? .trailer : .data
        lineLength = 0
    }
}
