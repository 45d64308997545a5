import NIOCore
import NIOSSL

/// All certificates as they were read at one time.
struct LoadedCertificates: Sendable {
    let context: NIOSSLContext
    let names: CertificateNames
    /// Authorities of clients, as DER.
    let clientAuthorities: Set<[UInt8]>
    /// The file whose certificate ends first, and when, in seconds since 1970.
    let firstEnd: (file: String, seconds: Int64)?

    /// Throws where a file cannot be used, or a key is not its certificate's.
    init(_ files: TLSConfiguration) throws(ListenError) {
        var identities: [Identity] = []
        for pair in files.pairs { identities.append(try Identity(pair)) }
        guard let first = identities.first else {
            throw .certificate(file: "", reason: "there is no certificate")
        }
        names = CertificateNames(identities.map(\.chain))
        let authorities = try files.clientAuthorityFile.map { file throws(ListenError) in
            try Self.certificates(in: file)
        }
        clientAuthorities = Set((authorities ?? []).compactMap { try? $0.toDERBytes() })
        firstEnd = zip(files.pairs, identities)
            .map { (file: $0.certificateFile, seconds: $1.end) }.min { $0.seconds < $1.seconds }
        var configuration = first.configuration
        if let authorities {
            configuration.trustRoots = .certificates(authorities)
            configuration.certificateVerification =
                files.requiresClientCertificate ? .noHostnameVerification : .optionalVerification
            // So that clients with several certificates know which one to show.
            configuration.sendCANameList = true
        }
        if identities.count > 1 {
            configuration.sslContextCallback = Self.choice(identities, names)
        }
        do { context = try NIOSSLContext(configuration: configuration) } catch {
            throw .certificate(file: files.pairs[0].keyFile, reason: Reasons.certificate(error))
        }
    }

    /// Chooses by the name that a client asks for; the first certificate is for those who name nobody, or somebody unknown.
    private static func choice(_ identities: [Identity], _ names: CertificateNames) -> NIOSSLContextCallback {
        { hello, promise in
            var change = NIOSSLContextConfigurationOverride.noChanges
            if let number = hello.serverHostname.flatMap({ names.number(of: $0) }), number > 0 {
                change.certificateChain = identities[number].chain.map { .certificate($0) }
                change.privateKey = .privateKey(identities[number].key)
            }
            promise.succeed(change)
        }
    }

    fileprivate static func certificates(in file: String) throws(ListenError) -> [NIOSSLCertificate] {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(file) } catch {
            throw .certificate(file: file, reason: Reasons.certificate(error))
        }
        guard !chain.isEmpty else { throw .certificate(file: file, reason: "it holds no certificate") }
        return chain
    }
}

/// A certificate with its chain and key, which belong together.
private struct Identity: Sendable {
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    let configuration: NIOSSL.TLSConfiguration
    /// Of TLS 1.2: what a key that is stolen later does not open, and no block ciphers.
    private static let ciphers = "ECDH+AESGCM:ECDH+CHACHA20"
    var end: Int64 { chain.first.map { Int64($0.notValidAfter) } ?? 0 }

    init(_ pair: TLSConfiguration.Pair) throws(ListenError) {
        chain = try LoadedCertificates.certificates(in: pair.certificateFile)
        do {
            key = try NIOSSLPrivateKey(file: pair.keyFile, format: .pem)
            var configuration = NIOSSL.TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.cipherSuites = Self.ciphers
            configuration.applicationProtocols = ["http/1.1"]
            configuration.renegotiationSupport = .none
            // A key of another certificate is found out here, not in the first handshake.
            _ = try NIOSSLContext(configuration: configuration)
            self.configuration = configuration
        } catch {
            throw .certificate(file: pair.keyFile, reason: Reasons.certificate(error))
        }
    }
}
