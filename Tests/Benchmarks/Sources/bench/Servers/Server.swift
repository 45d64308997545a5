/// One of the servers that are measured.
protocol Server: Sendable {
    /// As in tables and after `--servers`.
    var name: String { get }
    /// Whether it speaks the distribution API; else it serves files by path, and takes a PUT at the most.
    var isRegistry: Bool { get }
    /// Whether content can be sent to it.
    var takesPushes: Bool { get }
    /// Whether it can serve TLS.
    var hasTLS: Bool { get }
    /// How datasets reach its root; servers with the same kind share a root.
    var storeKind: StoreKind { get }
    /// What it calls itself; nil if it is not installed.
    func version() -> String?
    /// The command that serves `root` on 127.0.0.1. Writes configuration files to `scratch`.
    func command(root: String, scratch: String, port: Int, tls: TLSFiles?) throws -> [String]
    /// The settings that matter, for the reader of the results.
    var settings: String { get }
}

enum StoreKind: String, CaseIterable, Sendable { case berth, distribution, files }

/// A certificate and its key, as PEM files.
struct TLSFiles: Sendable {
    let certificate: String
    let key: String

    /// Makes them in `folder` unless they are there.
    static func prepare(in folder: String) throws -> TLSFiles {
        let files = TLSFiles(certificate: "\(folder)/certificate.pem", key: "\(folder)/key.pem")
        if Files.exists(files.certificate), Files.exists(files.key) { return files }
        try Files.makeFolder(folder)
        let output = Shell.output([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
            "3650",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", files.key, "-out", files.certificate,
        ])
        guard Files.exists(files.certificate) else { throw BenchError("openssl: \(output ?? "is not installed")") }
        return files
    }
}
