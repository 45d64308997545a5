import BerthAuthority
import BerthBlobs
import BerthConfig
import BerthHTTP
import Glibc
import Logging

/// The authority and the certificate that `http.tls.self_signed` asks for, under `keys/tls`.
struct LocalCertificate: Sendable {
    let folder: AuthorityFolder
    /// What the certificate is for, as clients write it, without those that are there twice.
    let names: [String]

    init(_ configuration: Configuration, _ root: StoreRoot) {
        folder = AuthorityFolder(path: root.keysPath + "/tls")
        var names = ["localhost", "127.0.0.1", "::1"]
        if let host = Self.hostName { names.append(host) }
        for name in configuration.hostNames.sorted() where !names.contains(name) && !name.hasPrefix("fe80:") {
            names.append(name)
        }
        self.names = names
    }

    /// Makes what is missing, or too near its end. True where the server's certificate is a new one.
    func prepare(_ log: Logger) throws(AuthorityError) -> Bool {
        let outcome = try folder.prepare(
            names: names.map { name in
                BerthHTTP.IPAddress(name).map { .address($0.bytes) } ?? .dns(name)
            })
        if outcome.isNewAuthority {
            log.notice(
                "made a local authority; clients have to be told of it", metadata: ["file": "\(folder.clientFile)"])
        }
        if outcome.isNewServer {
            log.notice("made a certificate", metadata: ["names": "\(names.joined(separator: " "))"])
        }
        return outcome.isNewServer
    }

    /// This machine's own name; nil where it is no name that a client could use.
    private static var hostName: String? {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return nil }
        let text = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (try? HostName(text))?.text
    }
}
