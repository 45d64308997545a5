package import HTTPTypes

/// Makes the ids of requests. Thirteen characters, so that a String needs no memory of its own.
struct RequestIDSource {
    /// Counted, then mixed by a bijection: no id comes twice from one source, and two sources start apart at random.
    private var counter = UInt64.random(in: .min ... .max)

    mutating func next() -> String {
        counter &+= 0x9e37_79b9_7f4a_7c15
        var mixed = counter
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        return String(unsafeUninitializedCapacity: 13) { bytes in
            for position in 0..<13 {
                let digit = UInt8(truncatingIfNeeded: mixed & 31)
                bytes[position] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
                mixed >>= 5
            }
            return 13
        }
    }

    /// The client's own id if it can be written to a log and a header as it is: `[A-Za-z0-9._-]{1,64}`.
    static func accepted(_ headers: HeaderFields) -> String? {
        guard let field = headers.list.first(where: { $0.name == .requestID }) else { return nil }
        let bytes = field.value.utf8
        let isHarmless = (1...64).contains(bytes.count) && bytes.allSatisfy(\.isRequestID)
        return isHarmless ? field.value : nil
    }
}

extension UInt8 {
    fileprivate var isRequestID: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

extension HTTPField.Name {
    /// `Host`, which HTTPTypes keeps out of its own list.
    package static let hostHeader = Self.known("Host")
    static let requestID = Self.known("X-Request-Id")
    static let forwardedFor = Self.known("X-Forwarded-For")
    static let fetchSite = Self.known("Sec-Fetch-Site")
    static let forwardedProto = Self.known("X-Forwarded-Proto")

    /// A name that is a token, which the tests of this file's constants see to.
    private static func known(_ text: String) -> Self { Self(text) ?? .connection }
}
