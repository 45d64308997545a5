/// Why there is no document. The texts are for operators.
package enum FetchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The URL is none that is fetched from; the text says why.
    case badAddress(String)
    /// The name leads to an address that is not of the public internet.
    case privateAddress(String)
    case unknownHost(String)
    /// The authority's certificates cannot be read.
    case badAuthority
    case status(Int)
    /// Most bytes taken.
    case tooLarge(Int)
    case timedOut
    /// No connection, no valid certificate, or no valid HTTP.
    case failed(String)

    package var description: String {
        switch self {
        case .badAddress(let why): why
        case .privateAddress(let address):
            "\(address) is not an address of the public internet; allow private addresses, or give the authority's certificate"
        case .unknownHost(let host): "the host \(host) is not known"
        case .badAuthority: "the authority's certificates cannot be read"
        case .status(let status): "the answer has status \(status), and only 200 counts"
        case .tooLarge(let most): "the answer is larger than \(most) bytes"
        case .timedOut: "it took too long"
        case .failed(let reason): reason
        }
    }
}
