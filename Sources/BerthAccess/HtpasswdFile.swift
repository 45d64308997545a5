/// The users of an htpasswd file: a line each, `name:hash`, the hash as bcrypt or yescrypt. Empty lines and those that start
/// with `#` say nothing.
package struct HtpasswdFile: Sendable {
    let users: [(name: AccountName, hash: String)]

    /// Throws `.invalid` with the line that is wrong: a file of which half is good is not good.
    package init(_ text: String) throws(AccessError) {
        var users: [(name: AccountName, hash: String)] = []
        var known: Set<AccountName> = []
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let bytes = line.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != UInt8(ascii: "\r") }
            guard let first = bytes.first, first != UInt8(ascii: "#") else { continue }
            let halves = bytes.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            let hash = halves.count == 2 ? String(Substring(halves[1])) : ""
            let name: AccountName
            do { name = try AccountName(new: Substring(halves[0])) } catch {
                throw .invalid("line \(index + 1): \(error.message)")
            }
            guard PasswordHash.isKnown(hash) else {
                throw .invalid("line \(index + 1): the password of \(name) is not kept as bcrypt (htpasswd -B)")
            }
            guard known.insert(name).inserted else { throw .invalid("line \(index + 1): \(name) is there twice") }
            users.append((name, hash))
        }
        self.users = users
    }
}
