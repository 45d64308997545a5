import Glibc
import NIOCore
import NIOSSL

/// The words of an operator for what the libraries below say in their own.
enum Reasons {
    static func listening(_ error: any Error, _ address: ListenAddress) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        let text = String(cString: strerror(error.errnoCode))
        if error.errnoCode == EACCES, case .tcp(_, let port) = address, port < 1024 {
            return "\(text) (ports below 1024 ask for root or CAP_NET_BIND_SERVICE)"
        }
        return text
    }

    static func certificate(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case NIOSSLError.failedToLoadCertificate: "it cannot be read, or holds no certificate in PEM form"
        case NIOSSLError.failedToLoadPrivateKey:
            "it cannot be read, holds no private key in PEM form, or not that of the certificate"
        default: "\(error)"
        }
    }
}
