import BerthModel

/// What a `Range` header asks of content of a known size. RFC 9110, section 14.2.
enum ByteRanges: Equatable {
    /// No range, one that is not understood, or one not worth the trouble: the whole content, 200.
    case whole
    case one(Range<Int64>)
    /// Several that do not overlap, in the order asked, never coalesced: clients match the parts to what they asked.
    case several([Range<Int64>])
    /// None of them lies within the content: 416.
    case none

    /// More than this many are answered with the whole content.
    static let most = 1000

    init(header: String?, size: Int64) {
        guard let header, let asked = Self.parse(header) else {
            self = .whole
            return
        }
        let ranges = asked.compactMap { $0.range(in: size) }
        guard ranges.count > 1 else {
            self = ranges.first.map { .one($0) } ?? .none
            return
        }
        let inOrder = ranges.sorted { $0.lowerBound < $1.lowerBound }
        let overlaps = zip(inOrder, inOrder.dropFirst()).contains { $0.upperBound > $1.lowerBound }
        self = overlaps ? .whole : .several(ranges)
    }

    private enum Asked {
        case from(Int64, through: Int64?)
        case last(Int64)

        func range(in size: Int64) -> Range<Int64>? {
            switch self {
            case .from(let first, let through):
                guard first < size else { return nil }
                guard let through, through < size - 1 else { return first..<size }
                return first..<(through + 1)
            case .last(let count):
                guard count > 0, size > 0 else { return nil }
                return max(0, size - count)..<size
            }
        }
    }

    /// Nil where the header is not of the grammar, names another unit, or holds too many ranges.
    private static func parse(_ header: String) -> [Asked]? {
        let bytes = header.utf8
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")),
            bytes[..<equals].map({ $0 | 0x20 }).elementsEqual("bytes".utf8)
        else { return nil }
        let items = bytes[bytes.index(after: equals)...].split(separator: UInt8(ascii: ","))
        guard !items.isEmpty, items.count <= most else { return nil }
        var asked: [Asked] = []
        for item in items {
            let trimmed = item.trimmingSpaces()
            let ends = trimmed.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
            guard ends.count == 2 else { return nil }
            switch (Int64(decimal: ends[0]), Int64(decimal: ends[1])) {
            case (let first?, let last?) where first <= last: asked.append(.from(first, through: last))
            case (let first?, nil) where ends[1].isEmpty: asked.append(.from(first, through: nil))
            case (nil, let count?) where ends[0].isEmpty: asked.append(.last(count))
            default: return nil
            }
        }
        return asked
    }
}

extension Int64 {
    /// Digits and nothing else; a number too large for any content is the largest there is.
    init?(decimal digits: some Collection<UInt8>) {
        guard !digits.isEmpty else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard digit.isDigit else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
            if overflow || carry {
                self = .max
                guard digits.allSatisfy(\.isDigit) else { return nil }
                return
            }
            value = sum
        }
        self = value
    }
}

extension BidirectionalCollection where Element == UInt8, SubSequence: BidirectionalCollection {
    /// Without the spaces and tabs around it.
    func trimmingSpaces() -> SubSequence {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) })
        else { return self[startIndex..<startIndex] }
        return self[first...last]
    }
}
