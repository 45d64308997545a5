import NIOSSL

/// The names that a certificate is for: who may be named to its clients.
package enum CertificateNames {
    /// DNS names of the first certificate in a PEM file, in lower case, wildcards as they stand. Throws what a start
    /// with this file would.
    package static func read(file: String) throws(ListenError) -> [String] {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(file) } catch {
            throw .certificate(file: file, reason: Reasons.certificate(error))
        }
        guard let certificate = chain.first else { return [] }
        return certificate._subjectAlternativeNames().compactMap { name in
            guard name.nameType == .dnsName else { return nil }
            return String(decoding: name.contents, as: UTF8.self).lowercased()
        }
    }
}
