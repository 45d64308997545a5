/// The distribution project's registry: Debian's package, or another build of it.
struct Distribution: Server {
    let name: String
    let binary: String

    var isRegistry: Bool { true }
    var takesPushes: Bool { true }
    var hasTLS: Bool { true }
    var storeKind: StoreKind { .distribution }
    var settings: String {
        "file store, blob descriptors cached in memory, deleting on, no access log, errors alone in the log, no health "
            + "checks, no purging"
    }

    func version() -> String? {
        Shell.output([binary, "--version"])?.split(separator: " ").last.map { String($0.filter { $0 != "\n" }) }
    }

    func command(root: String, scratch: String, port: Int, tls: TLSFiles?) throws -> [String] {
        let file = "\(scratch)/\(name)-\(port).yml"
        var text = """
            version: 0.1
            log:
              level: error
              accesslog:
                disabled: true
            storage:
              cache:
                blobdescriptor: inmemory
              filesystem:
                rootdirectory: \(root)
              delete:
                enabled: true
              maintenance:
                uploadpurging:
                  enabled: false
            http:
              addr: 127.0.0.1:\(port)
              secret: bench

            """
        if let tls {
            text += """
                  tls:
                    certificate: \(tls.certificate)
                    key: \(tls.key)

                """
        }
        try Files.write(text, to: file)
        return [binary, "serve", file]
    }
}
