/// A host as it stands in a `Host` header, without its port: a DNS name in lower case, or an address in numbers without brackets.
package struct HostName: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package var description: String { text }

    package init(_ text: some StringProtocol) throws(WrongValue) {
        let unbracketed =
            text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : String(text)
        if let address = IPAddress(unbracketed) {
            self.text = "\(address)"
            return
        }
        guard unbracketed.utf8.count == text.utf8.count else { throw WrongValue() }
        guard !text.contains(":") else { throw WrongValue("without a scheme or port") }
        guard !text.contains("*") else { throw WrongValue("patterns are not known here") }
        guard text.utf8.count <= 253 else { throw WrongValue() }
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy({ Self.isLabel($0) }) else { throw WrongValue() }
        // A last label of digits is an address gone wrong (RFC 3696 section 2), as in 127.0.0.300.
        guard labels.last?.allSatisfy({ (0x30...0x39).contains($0) }) == false else { throw WrongValue() }
        self.text = text.lowercased()
    }

    package var isLoopback: Bool { text == "localhost" || IPAddress(text)?.isLoopback == true }

    /// Letters, digits, hyphens inside, and the underscore that container networks put into names.
    private static func isLabel(_ label: some Collection<UInt8>) -> Bool {
        guard (1...63).contains(label.count) else { return false }
        let bytes = Array(label)
        guard bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}
