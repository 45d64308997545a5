package import BerthAuthority
package import BerthHTTP

/// Why the server does not start, beside what the rooms say themselves.
package enum StartError: Error, CustomStringConvertible {
    case keyUnusable(path: String, String)
    /// The catalog of a root that has been served is not there.
    case catalogLost(root: String)
    /// The registry was closed, and its catalog knows no account.
    case accountsLost(root: String)
    /// With accounts, clients of these listeners could not be told where to log in.
    case noRealm(listeners: [String])
    /// The file with users is not what it should be.
    case htpasswd(path: String, String)
    /// The certificate that is to be made here.
    case noCertificate(AuthorityError)
    /// The listener that this key describes does not come up.
    case cannotListen(key: String, ListenError)

    package var description: String {
        switch self {
        case .cannotListen(_, .certificate(let file, let reason)):
            "http.tls: the certificate or key in \(file) cannot be used: \(reason)"
        case .cannotListen(let key, let error): "\(key): \(error); choose another address with --set \(key)=…"
        case .catalogLost(let root):
            "The catalog of the storage root, \(root)/berth.db, is gone or empty, and with it what is where and who may do "
                + "what. Bring it back: berth restore --snapshot latest, if \(root)/snapshots has one, or from a backup. To begin "
                + "anew with an empty and open registry, choose another storage.root."
        case .accountsLost(let root):
            "The registry in \(root) has accounts, but its catalog, berth.db, knows none: it was exchanged or emptied. "
                + "Bring the right one back from a backup. To open the registry to everybody on purpose, remove "
                + "\(root)/keys/closed."
        case .noRealm(let listeners): Self.advice(listeners, "there are accounts")
        case .htpasswd(let path, let reason): "access.htpasswd: the file \(path) cannot be used: \(reason)"
        case .noCertificate(let error): "http.tls.self_signed: \(error)"
        case .keyUnusable(let path, let reason): "The key file \(path) cannot be used: \(reason)."
        }
    }
    /// What to do about listeners whose clients could not be told where to log in.
    static func advice(_ listeners: [String], _ reason: String) -> String {
        "http.listen has \(listeners.joined(separator: ", ")), and \(reason): set http.external_url to the URL by which "
            + "clients reach the registry, so that they can be told where to log in"
    }
}
