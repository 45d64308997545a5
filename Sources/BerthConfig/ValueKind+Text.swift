extension ValueKind where Value == String {
    /// The path of a file or folder.
    static func path(example: String) -> ValueKind {
        ValueKind(
            expected: "a path",
            example: example,
            schema: ["type": .string("string"), "minLength": .number(1)],
            read: { text throws(WrongValue) in
                guard !text.isEmpty, !text.utf8.contains(0) else { throw WrongValue() }
                return text
            },
            write: { $0 }
        )
    }

    /// Words for people, on one line.
    static func line(atMost limit: Int, example: String) -> ValueKind {
        ValueKind(
            expected: "one line of 1 to \(limit) bytes",
            example: example,
            schema: ["type": .string("string"), "minLength": .number(1), "maxLength": .number(limit)],
            read: { text throws(WrongValue) in
                guard (1...limit).contains(text.utf8.count),
                    text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
                else { throw WrongValue() }
                return text
            },
            write: { $0 }
        )
    }

    static let uuid = ValueKind(
        expected: "the id in the root's LAYOUT file, a UUID",
        example: "019b0a3e-7c1f-7d52-9b64-0f4f6f1c2a11",
        schema: [
            "type": .string("string"), "pattern": .string("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"),
        ],
        read: { text throws(WrongValue) in
            let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            let isHex = groups.allSatisfy { $0.allSatisfy { Character(UnicodeScalar($0)).isHexDigit } }
            guard groups.map(\.count) == [8, 4, 4, 4, 12], isHex else { throw WrongValue() }
            return text.lowercased()
        },
        write: { $0 }
    )
}

extension ValueKind where Value == Configuration.TLS.Files {
    /// Two paths with a colon between.
    static let certificatePair = ValueKind(
        expected: "two paths, CERTIFICATE:KEY",
        example: "/etc/berth/other.crt:/etc/berth/other.key",
        schema: ["type": .string("string"), "pattern": .string("^[^:]+:[^:]+$")],
        read: { text throws(WrongValue) in
            let halves = text.split(separator: ":", omittingEmptySubsequences: false)
            guard halves.count == 2, halves.allSatisfy({ !$0.isEmpty }), !text.utf8.contains(0) else {
                throw WrongValue()
            }
            return Configuration.TLS.Files(certificate: String(halves[0]), key: String(halves[1]))
        },
        write: { "\($0)" }
    )
}

extension ValueKind where Value == Secret {
    static let secret = ValueKind(
        expected: "a text",
        example: "…",
        schema: ["type": .string("string"), "minLength": .number(1)],
        read: { text throws(WrongValue) in
            guard !text.isEmpty else { throw WrongValue() }
            return Secret(text)
        },
        write: { $0.description }
    )
}

extension ValueKind where Value == ListenAddress {
    static let listenAddress = ValueKind(
        expected: "an address as 127.0.0.1:5000, [::1]:5000 or unix:/run/berth.sock?mode=0660",
        example: "127.0.0.1:5000",
        schema: ["type": .string("string"), "pattern": .string("^(unix:.+|.+:[0-9]+)$")],
        read: { text throws(WrongValue) in try ListenAddress(text) },
        write: { "\($0)" }
    )
}

extension ValueKind where Value == ListenAddress? {
    /// An address, or `off`.
    static let listenAddressOrOff = ValueKind(
        expected: "off, or an address as 127.0.0.1:5001, [::1]:5001 or unix:/run/berth-metrics.sock",
        example: "off",
        schema: ["type": .string("string"), "pattern": .string("^(off|unix:.+|.+:[0-9]+)$")],
        read: { text throws(WrongValue) in text == "off" ? nil : try ListenAddress(text) },
        write: { address in address.map { "\($0)" } ?? "off" }
    )
}

extension ValueKind where Value == TrustedProxy {
    static let trustedProxy = ValueKind(
        expected: "unix, or a network as 10.0.0.0/8, fd00::/8 or 192.0.2.7",
        example: "10.0.0.0/8",
        schema: ["type": .string("string"), "pattern": .string("^(unix|[0-9a-fA-F.:]+(/[0-9]+)?)$")],
        read: { text throws(WrongValue) in try TrustedProxy(text) },
        write: { "\($0)" }
    )
}

extension ValueKind where Value == HostName {
    static let hostName = ValueKind(
        expected: "a host as registry.example.org",
        example: "registry.example.org",
        schema: ["type": .string("string"), "pattern": .string("^[A-Za-z0-9._:-]+$")],
        read: { text throws(WrongValue) in try HostName(text) },
        write: { "\($0)" }
    )
}

extension ValueKind where Value == ExternalURL {
    static let externalURL = ValueKind(
        expected: "a URL as https://registry.example.org",
        example: "https://registry.example.org",
        schema: ["type": .string("string"), "pattern": .string("^https?://[^@?#]+$")],
        read: { text throws(WrongValue) in try ExternalURL(text) },
        write: { "\($0)" }
    )
}
