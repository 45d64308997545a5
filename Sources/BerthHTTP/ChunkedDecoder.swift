import NIOCore

/// Reads a chunked body. RFC 9112 §7.1, strictly: extensions and trailers, which no client of a registry sends and
/// which servers read differently, are refused.
struct ChunkedDecoder {
    enum Event {
        case data(ByteBuffer)
        case end
    }

    private enum State {
        /// Inside the size line, with its value and digits so far.
        case size(value: Int64, digits: Int)
        /// After the CR of the size line.
        case sizeLineFeed(Int64)
        case data(remaining: Int64)
        case dataCarriageReturn
        case dataLineFeed
        /// After the last chunk's size line: an empty line ends the body.
        case lastCarriageReturn
        case lastLineFeed
    }

    /// Enough for any body: 2^60 bytes.
    private static let mostDigits = 15
    private var state = State.size(value: 0, digits: 0)

    /// nil: more bytes are needed.
    mutating func next(_ input: inout ByteBuffer) throws(HTTPProblem) -> Event? {
        while true {
            if case .data(let remaining) = state {
                let count = Int(min(remaining, Int64(input.readableBytes)))
                guard count > 0, let data = input.readSlice(length: count) else { return nil }
                let rest = remaining - Int64(count)
                state = rest == 0 ? .dataCarriageReturn : .data(remaining: rest)
                return .data(data)
            }
            guard let byte = input.readInteger(as: UInt8.self) else { return nil }
            if try step(byte) {
                state = .size(value: 0, digits: 0)
                return .end
            }
        }
    }

    /// Takes one byte of framing. True when it ended the body.
    private mutating func step(_ byte: UInt8) throws(HTTPProblem) -> Bool {
        switch state {
        case .size(let value, let digits):
            if let digit = byte.hexValue {
                guard digits < Self.mostDigits else { throw .badRequest("chunk size too large") }
                state = .size(value: value << 4 | Int64(digit), digits: digits + 1)
            } else {
                guard byte == 0x0d, digits > 0 else { throw .badRequest("bad chunk size") }
                state = .sizeLineFeed(value)
            }
        case .sizeLineFeed(let size):
            try expect(byte, 0x0a)
            state = size == 0 ? .lastCarriageReturn : .data(remaining: size)
        case .dataCarriageReturn:
            try expect(byte, 0x0d)
            state = .dataLineFeed
        case .dataLineFeed:
            try expect(byte, 0x0a)
            state = .size(value: 0, digits: 0)
        case .lastCarriageReturn:
            guard byte == 0x0d else { throw .badRequest("trailers are not accepted") }
            state = .lastLineFeed
        case .lastLineFeed:
            try expect(byte, 0x0a)
            return true
        case .data: break
        }
        return false
    }

    private func expect(_ byte: UInt8, _ wanted: UInt8) throws(HTTPProblem) {
        if byte != wanted { throw .badRequest("bad chunk framing") }
    }
}
