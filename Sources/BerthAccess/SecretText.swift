import BerthDigest
import BerthModel

/// A secret that the registry hands out once: `berth_pat_<prefix>_<256 random bits>_<checksum>`.
///
/// The prefix is public and finds the row; the checksum tells a mistyped or cut secret without a look-up, and lets
/// scanners recognise one.
struct SecretText: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case personal = "pat", robot = "rob", refresh = "ref", job = "job"
    }
    static let start = "berth_"

    let kind: Kind
    /// 12 letters and digits.
    let prefix: String
    /// What is shown, once.
    let text: String
    /// What is kept.
    let hash: Hash256

    /// Nil if libcrypto is out of memory.
    init?(new kind: Kind) {
        let prefix = Self.letters(randomBytes(12))
        let body = "\(Self.start)\(kind.rawValue)_\(prefix)_\(Self.hex(randomBytes(32)))"
        guard let checksum = Self.checksum(body) else { return nil }
        self.init("\(body)_\(checksum)")
    }

    /// Nil for anything that this type did not make.
    init?(_ text: some StringProtocol) {
        let text = String(text)
        guard text.utf8.count <= 128, text.utf8.starts(with: Self.start.utf8) else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard parts.count == 5, let kind = Kind(rawValue: String(Substring(parts[1]))), parts[2].count == 12,
            parts[3].count == 64, let hash = Hash256(of: text),
            let checksum = Self.checksum(String(text.utf8.prefix(text.utf8.count - parts[4].count - 1)) ?? ""),
            checksum.utf8.elementsEqual(parts[4])
        else { return nil }
        self.kind = kind
        prefix = String(Substring(parts[2]))
        self.text = text
        self.hash = hash
    }

    /// Whether a password can only be one of these, so that it is never stretched.
    static func isOne(_ password: some StringProtocol) -> Bool { password.utf8.starts(with: start.utf8) }

    private static func checksum(_ body: String) -> String? {
        Hash256(of: body).map { hex(Array($0.bytes.prefix(4))) }
    }

    private static func letters(_ bytes: [UInt8]) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        return String(decoding: bytes.map { alphabet[Int($0 & 31)] }, as: UTF8.self)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
