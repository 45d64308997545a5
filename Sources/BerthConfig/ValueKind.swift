/// How one kind of value is read, written and described.
struct ValueKind<Value: Sendable>: Sendable {
    /// What a wrong value is answered with, after "expected".
    let expected: String
    /// A value as it might be written; shown where a key has no default.
    let example: String
    /// Members of the JSON schema that describe one value.
    let schema: [String: JSON]
    let read: @Sendable (String) throws(WrongValue) -> Value
    /// The text that `read` turns into the same value.
    let write: @Sendable (Value) -> String
}

extension ValueKind where Value == Bool {
    static let flag = ValueKind(
        expected: "true or false",
        example: "true",
        schema: ["type": .string("boolean")],
        read: { text throws(WrongValue) in
            switch text {
            case "true": true
            case "false": false
            default: throw WrongValue()
            }
        },
        write: { "\($0)" }
    )
}

extension ValueKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the words of an enumeration.
    static var choice: ValueKind {
        let words = Value.allCases.map(\.rawValue)
        let last = words.last ?? ""
        return ValueKind(
            expected: words.count > 1 ? "\(words.dropLast().joined(separator: ", ")) or \(last)" : last,
            example: last,
            schema: ["enum": .array(words.map { .string($0) })],
            read: { text throws(WrongValue) in
                guard let value = Value(rawValue: text) else { throw WrongValue() }
                return value
            },
            write: { $0.rawValue }
        )
    }
}

extension ValueKind where Value == Int {
    static func count(_ range: ClosedRange<Int>) -> ValueKind {
        ValueKind(
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            example: "\(range.lowerBound)",
            schema: [
                "type": .string("integer"), "minimum": .number(range.lowerBound), "maximum": .number(range.upperBound),
            ],
            read: { text throws(WrongValue) in
                guard let number = wholeNumber(text), range.contains(number) else { throw WrongValue() }
                return number
            },
            write: { "\($0)" }
        )
    }

    /// Bytes.
    static func size(_ range: ClosedRange<Int>) -> ValueKind {
        ValueKind(
            expected: "a size as 512, 64KiB or 10GiB, from \(SizeText.write(range.lowerBound)) to "
                + SizeText.write(range.upperBound),
            example: "64KiB",
            schema: [
                "type": .array([.string("string"), .string("integer")]),
                "pattern": .string("^[0-9]+([KMGT]iB|kB|[MGT]B)?$"),
            ],
            read: { text throws(WrongValue) in
                let bytes = try SizeText.read(text)
                guard range.contains(bytes) else { throw WrongValue() }
                return bytes
            },
            write: { SizeText.write($0) }
        )
    }
}

extension ValueKind where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> ValueKind {
        ValueKind(
            expected: "a duration as 500ms, 2s, 1h30m or 7d, from \(DurationText.write(range.lowerBound)) to "
                + DurationText.write(range.upperBound),
            example: "1h30m",
            schema: [
                "type": .string("string"),
                "pattern": .string("^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"),
            ],
            read: { text throws(WrongValue) in
                let duration = try DurationText.read(text)
                guard range.contains(duration) else { throw WrongValue() }
                return duration
            },
            write: { DurationText.write($0) }
        )
    }
}

extension ValueKind where Value == Duration? {
    static func durationOrOff(_ range: ClosedRange<Duration>) -> ValueKind {
        let kind = ValueKind<Duration>.duration(range)
        return ValueKind(
            expected: "off, or \(kind.expected)",
            example: "1d",
            schema: [
                "type": .string("string"),
                "pattern": .string("^(off|(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$"),
            ],
            read: { text throws(WrongValue) in text == "off" ? nil : try kind.read(text) },
            write: { duration in duration.map { kind.write($0) } ?? "off" }
        )
    }
}
