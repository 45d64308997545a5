package import BerthHTTP

/// Why the server does not start, beside what the rooms say themselves.
package enum StartError: Error, CustomStringConvertible {
    case keyUnusable(path: String, String)
    /// With accounts, clients of these listeners could not be told where to log in.
    case noRealm(listeners: [String])
    /// The listener that this key describes does not come up.
    case cannotListen(key: String, ListenError)

    package var description: String {
        switch self {
        case .cannotListen(_, .certificate(let file, let reason)):
            "http.tls: the certificate or key in \(file) cannot be used: \(reason)"
        case .cannotListen(let key, let error): "\(key): \(error); choose another address with --set \(key)=…"
        case .noRealm(let listeners):
            "http.listen has \(listeners.joined(separator: ", ")), and there are accounts: set http.external_url to the "
                + "URL by which clients reach the registry, so that they can be told where to log in"
        case .keyUnusable(let path, let reason): "The key file \(path) cannot be used: \(reason)."
        }
    }
}
