import HTTPTypes

/// Names that clients send, made once: a lookup costs less than checking and lowering a name each time.
enum FieldNames {
    /// What a field means to the framing of its message, and whom it is for.
    enum Role {
        case host, contentLength, transferEncoding, connection, expect
        /// Nothing to this room.
        case other
    }

    struct Known {
        let name: HTTPField.Name
        let role: Role
        fileprivate let bytes: [UInt8]

        fileprivate init(_ name: HTTPField.Name, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
            self.role =
                switch name {
                case .hostHeader: .host
                case .contentLength: .contentLength
                case .transferEncoding: .transferEncoding
                case .connection: .connection
                case .expect: .expect
                default: .other
                }
        }

        fileprivate func isSpelled(_ other: UnsafeRawBufferPointer) -> Bool {
            bytes.withUnsafeBytes { $0.elementsEqual(other) }
        }
    }

    /// Nil for what is no token (RFC 9110 §5.1).
    static func find(_ bytes: UnsafeRawBufferPointer) -> Known? {
        if bytes.count < bySize.count {
            for known in bySize[bytes.count] where known.isSpelled(bytes) { return known }
        }
        guard !bytes.isEmpty, bytes.allSatisfy(\.isToken),
            let name = HTTPField.Name(String(decoding: bytes, as: UTF8.self))
        else {
            return nil
        }
        return Known(name, [])
    }

    private static let bySize: [[Known]] = {
        let texts = [
            "Host", "Accept", "Accept-Encoding", "Authorization", "Connection", "Content-Length",
            "Content-Type",
            "Content-Range", "Expect", "If-Match", "If-None-Match", "If-Range", "Range",
            "Transfer-Encoding",
            "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id",
            "Docker-Distribution-Api-Version",
        ]
        let spellings = texts + texts.map { $0.lowercased() }
        var result = [[Known]](repeating: [], count: 32)
        for text in spellings where text.utf8.count < result.count {
            guard let name = HTTPField.Name(text) else { continue }
            result[text.utf8.count].append(Known(name, Array(text.utf8)))
        }
        return result
    }()
}
