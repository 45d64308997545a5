import BerthModel

// Every name below the root is made here, from a parsed digest, a parsed id or a number: never from text of a client.

extension Digest {
    /// The folder of its algorithm, below blobs/.
    var algorithmFolder: String { algorithm.rawValue }
    /// The folder of its first two digits, below that of its algorithm.
    var fanOutFolder: String { String(hex.prefix(2)) }
    var fileName: String { String(hex) }
}

extension UploadID {
    private static let sealedSuffix = ".sealed"

    var openName: String { text }
    var sealedName: String { text + Self.sealedSuffix }

    /// Which upload a file under uploads/ is, and whether a finished one; nil for all other names.
    static func parse(fileName: String) -> (id: UploadID, isSealed: Bool)? {
        if let id = UploadID(fileName) { return (id, false) }
        guard fileName.utf8.count == 36 + sealedSuffix.utf8.count, fileName.hasSuffix(sealedSuffix) else { return nil }
        return UploadID(String(fileName.dropLast(sealedSuffix.utf8.count))).map { ($0, true) }
    }
}

/// Files that no start keeps.
enum TemporaryName {
    static let suffix = ".tmp"

    static func numbered(_ number: UInt64) -> String { "\(number)\(suffix)" }
}
