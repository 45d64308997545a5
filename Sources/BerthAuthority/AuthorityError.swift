/// Why there is no certificate.
package enum AuthorityError: Error, Hashable, CustomStringConvertible {
    case file(path: String, reason: String)
    /// The authority's file holds something else. It is not replaced: every client would have to be told of a new one.
    case unreadable(path: String)
    case failed(String)

    package var description: String {
        switch self {
        case .file(let path, let reason): "the file \(path) cannot be used: \(reason)"
        case .unreadable(let path):
            "the file \(path) does not hold an authority's key and certificate; bring it back from a backup, or remove it "
                + "to have a new authority made, which every client has to be told of"
        case .failed(let reason): "a certificate could not be made: \(reason)"
        }
    }
}
