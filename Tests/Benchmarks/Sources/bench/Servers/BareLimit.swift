/// The bare limit program beside this one.
struct BareLimit: Server {
    let binary: String

    var name: String { "limit" }
    var isRegistry: Bool { false }
    var takesPushes: Bool { true }
    var hasTLS: Bool { false }
    var storeKind: StoreKind { .files }
    var settings: String {
        "reads: open, sendfile; writes: receive, SHA-256, write, fdatasync, rename, fsync of the folder"
    }

    func version() -> String? { Files.exists(binary) ? "of this package" : nil }

    func command(root: String, scratch: String, port: Int, tls: TLSFiles?) -> [String] { [binary, "\(port)", root] }
}
