import BerthModel
import NIOSSL

extension ClientCertificate {
    /// What a certificate says that a handshake has found good.
    init(verified certificate: NIOSSLCertificate) {
        let names = certificate._subjectAlternativeNames().compactMap { name in
            switch name.nameType {
            case .dnsName: CertificateName(.dns, Array(name.contents))
            case .uri: CertificateName(.uri, Array(name.contents))
            default: nil
            }
        }
        self.init(names: names, expires: Int64(certificate.notValidAfter))
    }
}
