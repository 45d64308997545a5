/// The registry that is measured.
struct Berth: Server {
    let binary: String

    var name: String { "berth" }
    var isRegistry: Bool { true }
    var takesPushes: Bool { true }
    var hasTLS: Bool { true }
    var storeKind: StoreKind { .berth }
    var settings: String { "log.level=warning (no line for a request), metrics.listen=off, else as shipped" }

    func version() -> String? {
        guard Files.exists(binary) else { return nil }
        return Shell.output([binary, "version"])?.split(separator: "\n").first.map(String.init)
    }

    func command(root: String, scratch: String, port: Int, tls: TLSFiles?) -> [String] {
        var settings = ["log.level=warning", "metrics.listen=off", "storage.reserve=1MiB"]
        if let tls { settings += ["http.tls.certificate=\(tls.certificate)", "http.tls.key=\(tls.key)"] }
        return [binary, "serve", "--listen", "127.0.0.1:\(port)", "--root", root]
            + settings.flatMap { ["--set", $0] }
    }
}
