import BerthModel

/// What the file LAYOUT says: `berth 1` and the registry's id, a line each.
struct StoreLayout: Hashable {
    static let fileName = "LAYOUT"
    static let newest = 1

    let version: Int
    /// A UUID in lower case.
    let id: String

    var text: String { "berth \(version)\n\(id)\n" }

    init(version: Int, id: String) { (self.version, self.id) = (version, id) }

    /// Nil if `text` is no LAYOUT. A newer one is read as far as its version, whatever follows.
    init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, first.utf8.starts(with: "berth ".utf8) else { return nil }
        guard let version = Int(first.dropFirst(6)), version > 0 else { return nil }
        let id = lines.count > 1 ? String(lines[1]) : ""
        guard version > Self.newest || Self.isUUID(id) else { return nil }
        self.init(version: version, id: id)
    }

    static func isUUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return false }
        return bytes.enumerated().allSatisfy { index, byte in
            [8, 13, 18, 23].contains(index) ? byte == UInt8(ascii: "-") : byte.isLowerHexDigit
        }
    }

    /// A new id: a random UUID (RFC 9562, section 5.4).
    static func newID(_ random: [UInt8]) -> String {
        var bytes = random
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        var text = ""
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return text
    }
}

/// The file run/boot: on which boot of the machine the store was last served, and how that ended.
struct BootMark: Hashable {
    enum State: String {
        /// Being served, or killed.
        case running
        /// Stopped in good order.
        case clean
        /// Power may have been lost while it was served, and what that did has not been dealt with yet.
        case lost
    }

    static let fileName = "boot"
    let boot: String
    let state: State

    var text: String { "\(state.rawValue) \(boot)\n" }

    init(boot: String, state: State) { (self.boot, self.state) = (boot, state) }

    init?(_ text: String) {
        let words = text.split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let state = State(rawValue: String(words[0])) else { return nil }
        self.init(boot: String(words[1]), state: state)
    }

    /// Whether bytes that were not synced may have been lost. `previous` is nil where there was no readable mark.
    static func mayHaveLost(_ previous: BootMark?, isNew: Bool, boot: String) -> Bool {
        guard let previous else { return !isNew }
        switch previous.state {
        case .clean: return false
        case .lost: return true
        case .running: return previous.boot != boot || boot == unknownBoot
        }
    }

    /// Where the system does not tell its boots apart, each may be another one.
    static let unknownBoot = "unknown"
}
