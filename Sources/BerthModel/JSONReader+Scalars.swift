// Strings and numbers.

extension JSONReader {
    /// Reads a string; `position` is at its opening quote.
    mutating func readString() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                let raw = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
                guard let text = String(utf8: raw) else { throw error(.notUTF8) }
                position += 1
                return text
            case UInt8(ascii: "\\"): return try readEscapedString(from: start)
            case 0..<0x20: throw error(.controlCharacter(byte))
            default: position += 1
            }
        }
        throw error(.unexpectedEnd)
    }

    /// The rest of a string from its first escape on; what stands before is copied.
    private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var decoded = Array(bytes[start..<position])
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: decoded, as: UTF8.self) else { throw error(.notUTF8) }
                position += 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                decoded.append(contentsOf: try readEscape().utf8)
            case 0..<0x20: throw error(.controlCharacter(byte))
            default:
                decoded.append(byte)
                position += 1
            }
        }
        throw error(.unexpectedEnd)
    }

    /// What follows a backslash.
    private mutating func readEscape() throws(JSONError) -> Unicode.Scalar {
        guard let byte = peek() else { throw error(.unexpectedEnd) }
        let scalar: Unicode.Scalar
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(byte)
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{C}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"):
            position += 1
            return try readUnicodeEscape()
        default: throw error(.badEscape)
        }
        position += 1
        return scalar
    }

    /// One code unit in hexadecimal, or two that are a surrogate pair.
    private mutating func readUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try readFourHexDigits()
        guard first != 0 else { throw error(.nul) }
        if let scalar = Unicode.Scalar(first) { return scalar }  // nil for surrogates alone
        guard first < 0xDC00, peek() == UInt8(ascii: "\\") else { throw error(.loneSurrogate) }
        position += 1
        guard peek() == UInt8(ascii: "u") else { throw error(.loneSurrogate) }
        position += 1
        let second = try readFourHexDigits()
        guard 0xDC00...0xDFFF ~= second,
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw error(.loneSurrogate) }
        return scalar
    }

    private mutating func readFourHexDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek() else { throw error(.unexpectedEnd) }
            guard let digit = byte.hexDigitValue else { throw error(.badEscape) }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// Reads a number. One beyond 64 bits, or with fraction or exponent, is valid and no integer; none can trap.
    mutating func readNumber() throws(JSONError) -> JSONValue {
        let isNegative = peek() == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let start = position
        var value: Int64? = 0
        while let byte = peek(), byte.isDigit {
            let digit = Int64(byte - UInt8(ascii: "0"))
            value = value.flatMap { adding(isNegative ? -digit : digit, toTenTimes: $0) }
            position += 1
        }
        guard position > start else { throw error(.badNumber) }
        guard position == start + 1 || bytes[start] != UInt8(ascii: "0") else { throw error(.leadingZero) }
        var isInteger = true
        if peek() == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try skipDigits()
        }
        if let byte = peek(), byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try skipDigits()
        }
        guard isInteger, let value else { return .otherNumber }
        return .integer(value)
    }

    /// At least one digit.
    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while let byte = peek(), byte.isDigit { position += 1 }
        guard position > start else { throw error(.badNumber) }
    }
}

/// Nil when the sum does not fit.
private func adding(_ digit: Int64, toTenTimes value: Int64) -> Int64? {
    let (tenfold, isTooLarge) = value.multipliedReportingOverflow(by: 10)
    let (sum, isSumTooLarge) = tenfold.addingReportingOverflow(digit)
    return isTooLarge || isSumTooLarge ? nil : sum
}
