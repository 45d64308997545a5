import BerthDigest
import BerthModel
import CLibCrypt

/// Stretched passwords, by libxcrypt (crypt(5)): yescrypt for new ones; what an htpasswd file brought, bcrypt, is
/// understood.
enum PasswordHash {
    /// Longest password, in bytes.
    static let longest = 256
    /// bcrypt sees no more of a password.
    private static let longestBcrypt = 72
    private static let scratchBytes = 32_768

    /// Costs of bcrypt that are taken: less is soon guessed, more keeps a thread for seconds.
    private static let bcryptCosts = 4...14

    /// Whether this is a hash of a kind that is strong enough to be kept, and not too dear to be checked.
    static func isKnown(_ hash: String) -> Bool {
        guard hash.utf8.starts(with: "$y$".utf8) || bcryptCost(hash).map(bcryptCosts.contains) == true
        else { return false }
        return hash.utf8.count < 256 && hash.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Costs as much as one of this cost, and fits no password that somebody has.
    static func bcryptDecoy(cost: Int) -> String {
        "$2b$\(cost < 10 ? "0" : "")\(cost)$c4WoMPo3SXsafkva.HHa6uBerthDecoyBerthDecoyBerthDecoyB"
    }

    /// Of `$2b$12$…`; nil for anything else.
    static func bcryptCost(_ hash: String) -> Int? {
        let bytes = Array(hash.utf8.prefix(7))
        guard isBcrypt(hash), bytes.count == 7, bytes[6] == UInt8(ascii: "$"), bytes[4].isDigit, bytes[5].isDigit
        else { return nil }
        return Int(bytes[4] - 48) * 10 + Int(bytes[5] - 48)
    }

    static func isBcrypt(_ hash: String) -> Bool {
        ["$2a$", "$2b$", "$2y$"].contains { hash.utf8.starts(with: $0.utf8) }
    }

    /// Nil for a password that cannot be used, or if libxcrypt fails. Takes tens of milliseconds of one core.
    static func make(_ password: String) -> String? {
        guard isUsable(password) else { return nil }
        let random = randomBytes(16).map { CChar(bitPattern: $0) }
        var setting = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        guard crypt_gensalt_rn("$y$", 0, random, CInt(random.count), &setting, CInt(setting.count)) != nil
        else { return nil }
        return stretch(password, text(setting))
    }

    /// Whether `password` is the one behind `hash`. Takes as long for a wrong one as for the right one.
    static func check(_ password: String, _ hash: String) -> Bool {
        guard isUsable(password), isKnown(hash), let found = stretch(password, hash) else { return false }
        guard !isBcrypt(hash) || password.utf8.count <= longestBcrypt else { return false }
        guard found.utf8.count == hash.utf8.count else { return false }
        return zip(found.utf8, hash.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// What a password has to be, for a person; nil if it is that.
    static func objection(to password: String) -> String? {
        if SecretText.isOne(password) { return "a password does not begin with \(SecretText.start), as tokens do" }
        if password.utf8.count < 8 { return "a password has at least 8 characters" }
        return isUsable(password) ? nil : "a password has at most \(longest) bytes, and no NUL"
    }

    private static func isUsable(_ password: String) -> Bool {
        (1...longest).contains(password.utf8.count) && !password.utf8.contains(0)
    }

    /// Whether libxcrypt takes this for a hash at all.
    static func stretches(_ password: String, _ hash: String) -> Bool {
        stretch(password, hash)?.utf8.first == UInt8(ascii: "$")
    }

    private static func stretch(_ password: String, _ setting: String) -> String? {
        // The size that crypt.h promises for `struct crypt_data`, which has too large an array to be imported.
        let data = UnsafeMutableRawPointer.allocate(byteCount: Self.scratchBytes, alignment: 16)
        data.initializeMemory(as: UInt8.self, repeating: 0, count: Self.scratchBytes)
        defer { data.deallocate() }
        guard let result = crypt_rn(password, setting, data, CInt(Self.scratchBytes)) else { return nil }
        return String(cString: result)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
