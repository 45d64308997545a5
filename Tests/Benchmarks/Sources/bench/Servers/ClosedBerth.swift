/// The registry with accounts: whoever asks has to say who he is.
struct ClosedBerth: Server {
    let binary: String
    static let user = "bench"
    static let password = "bench-bench-bench"

    var name: String { "berth closed" }
    var isRegistry: Bool { true }
    var takesPushes: Bool { true }
    var hasTLS: Bool { true }
    var storeKind: StoreKind { .berth }
    var settings: String { "as berth, with an account that may do everything" }

    private var open: Berth { Berth(binary: binary) }

    func version() -> String? { open.version() }

    func command(root: String, scratch: String, port: Int, tls: TLSFiles?) throws -> [String] {
        // Again at each start: what is there already is no error.
        let arguments = ["user", "add", Self.user, "--admin", "--password-stdin", "--root", root]
        let output = Shell.output(
            [
                "/bin/sh", "-c", "printf '%s\\n' \"$0\" | \"$@\"", Self.password, binary,
            ] + arguments)
        guard let output, output.contains(Self.user) else { throw BenchError("berth user add: \(output ?? "nothing")") }
        return open.command(root: root, scratch: scratch, port: port, tls: tls)
    }
}
