package import BerthHTTP

/// Why the server does not start, beside what the rooms say themselves.
package enum StartError: Error, CustomStringConvertible {
    case keyUnusable(path: String, String)
    /// The listener that this key describes does not come up.
    case cannotListen(key: String, ListenError)

    package var description: String {
        switch self {
        case .cannotListen(_, .certificate(let file, let reason)):
            "http.tls: the certificate or key in \(file) cannot be used: \(reason)"
        case .cannotListen(let key, let error): "\(key): \(error); choose another address with --set \(key)=…"
        case .keyUnusable(let path, let reason): "The key file \(path) cannot be used: \(reason)."
        }
    }
}
