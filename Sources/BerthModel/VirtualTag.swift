/// A tag as it was: `TAG--at-YYYYMMDDTHHMM[SS]Z`, in UTC. No such tag is ever stored; it is read out of the history.
package struct VirtualTag: Hashable, Sendable {
    package let tag: Tag
    /// The last microsecond, since 1970, of the second that is named; nil if there is no such date or time of day.
    /// Without seconds the full minute is meant. To the end of the second: so a change whose time is known to the second
    /// is seen under that very time.
    package let moment: Int64?

    /// Nil for a tag of any other form.
    package init?(_ tag: Tag) {
        let bytes = Array(tag.text.utf8)
        let mark = Array("--at-".utf8)
        for digits in [6, 4] {
            let length = mark.count + 8 + 1 + digits + 1
            guard bytes.count > length else { continue }
            let start = bytes.count - length
            let date = bytes[(start + mark.count)...].prefix(8)
            let time = bytes.suffix(digits + 1).dropLast()
            guard bytes[start...].starts(with: mark), bytes[start + mark.count + 8] == UInt8(ascii: "T"),
                bytes.last == UInt8(ascii: "Z"), date.allSatisfy(\.isDigit), time.allSatisfy(\.isDigit),
                let base = try? Tag(String(decoding: bytes[..<start], as: UTF8.self))
            else { continue }
            self.tag = base
            moment = Self.moment(Self.numbers(date, [4, 2, 2]), Self.numbers(time, digits == 6 ? [2, 2, 2] : [2, 2]))
            return
        }
        return nil
    }

    private static func numbers(_ digits: ArraySlice<UInt8>, _ lengths: [Int]) -> [Int64] {
        var rest = digits
        return lengths.map { length in
            defer { rest = rest.dropFirst(length) }
            return rest.prefix(length).reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        }
    }

    private static func moment(_ date: [Int64], _ time: [Int64]) -> Int64? {
        let second = time.count == 3 ? time[2] : 0
        guard let day = Timestamp.day(year: date[0], month: date[1], day: date[2]), time[0] < 24, time[1] < 60,
            second < 60
        else { return nil }
        return (day * 86_400 + time[0] * 3_600 + time[1] * 60 + second) * 1_000_000 + 999_999
    }
}
