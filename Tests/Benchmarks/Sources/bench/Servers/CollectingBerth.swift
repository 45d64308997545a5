/// The registry with a collector that never rests: leases of a second, no window, a round each tenth of a second.
struct CollectingBerth: Server {
    let binary: String

    var name: String { "berth collecting" }
    var isRegistry: Bool { true }
    var takesPushes: Bool { true }
    var hasTLS: Bool { true }
    var storeKind: StoreKind { .berth }
    var settings: String { "as berth, with collector.lease=1s, collector.window=0s, collector.interval=100ms" }

    private var quiet: Berth { Berth(binary: binary) }

    func version() -> String? { quiet.version() }

    func command(root: String, scratch: String, port: Int, tls: TLSFiles?) -> [String] {
        quiet.command(root: root, scratch: scratch, port: port, tls: tls)
            + ["lease=1s", "window=0s", "interval=100ms"].flatMap { ["--set", "collector.\($0)"] }
    }
}
