/// Why some bytes are not the JSON that Berth reads.
package struct JSONError: Error, Hashable {
    package enum Problem: Hashable, Sendable {
        case unexpectedEnd
        case unexpectedByte(UInt8)
        case trailingBytes
        case byteOrderMark
        case notUTF8
        /// A byte below 0x20 inside a string, where it has to be escaped.
        case controlCharacter(UInt8)
        /// `\u0000`: correct JSON, but text with it cannot pass through C and SQL unharmed.
        case nul
        case badEscape
        /// Half of a surrogate pair, which is no character.
        case loneSurrogate
        case leadingZero
        case badNumber
        case duplicateKey(String)
        case tooDeep(limit: Int)
        case tooManyChildren(limit: Int)
        case tooManyValues(limit: Int)
    }
    package let problem: Problem
    /// Where reading stopped, in bytes from the start.
    package let offset: Int

    package init(problem: Problem, offset: Int) {
        self.problem = problem
        self.offset = offset
    }

    /// For a person, without a full stop.
    package var message: String { "\(problem.message) (at byte \(offset))" }
}

extension JSONError.Problem {
    fileprivate var message: String {
        switch self {
        case .unexpectedEnd: "the JSON ends too early"
        case .unexpectedByte(let byte): "the byte 0x\(hexText(byte)) is not expected here"
        case .trailingBytes: "something follows after the end of the JSON value"
        case .byteOrderMark: "the JSON starts with a byte order mark"
        case .notUTF8: "a string is not valid UTF-8"
        case .controlCharacter(let byte): "the control character 0x\(hexText(byte)) is not escaped"
        case .nul: "a string contains a NUL character"
        case .badEscape: "an escape sequence is unknown"
        case .loneSurrogate: "a string contains half of a surrogate pair"
        case .leadingZero: "a number starts with a superfluous zero"
        case .badNumber: "a number is not written as JSON asks for"
        case .duplicateKey(let key): "the key \(quoted(key)) stands twice in one object"
        case .tooDeep(let limit): "arrays and objects are nested more than \(limit) deep"
        case .tooManyChildren(let limit): "an array or object has more than \(limit) entries"
        case .tooManyValues(let limit): "the document has more than \(limit) values"
        }
    }
}
