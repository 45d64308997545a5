import NIOSSL
import Synchronization

/// The certificate that new connections get, and how to read it again.
final class Certificates: Sendable {
    private let files: TLSConfiguration
    private let current: Mutex<NIOSSLContext>

    init(_ files: TLSConfiguration) throws(ListenError) {
        self.files = files
        self.current = Mutex(try Self.load(files))
    }

    var context: NIOSSLContext { current.withLock { $0 } }

    /// Running connections keep the old certificate. If this throws, new ones do as well.
    func reload() throws(ListenError) {
        let fresh = try Self.load(files)
        current.withLock { $0 = fresh }
    }

    private static func load(_ files: TLSConfiguration) throws(ListenError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(files.certificateFile) } catch {
            throw .certificate(file: files.certificateFile, reason: Reasons.certificate(error))
        }
        guard !chain.isEmpty else {
            throw .certificate(file: files.certificateFile, reason: "it holds no certificate")
        }
        do {
            let key = try NIOSSLPrivateKey(file: files.keyFile, format: .pem)
            var configuration = NIOSSL.TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            configuration.renegotiationSupport = .none
            // A key of another certificate is found out here, not in the first handshake.
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .certificate(file: files.keyFile, reason: Reasons.certificate(error))
        }
    }
}
