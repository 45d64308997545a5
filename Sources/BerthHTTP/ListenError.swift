/// Why a server does not start, or keeps its certificate.
package enum ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    case addressInUse(ListenAddress)
    /// Another process answers on the socket file.
    case socketIsLive(path: String)
    /// Something that is no socket has the socket file's name; it is left alone.
    case notASocket(path: String)
    case failed(ListenAddress, reason: String)
    /// Neither certificate nor key are changed by a reload that fails so.
    case certificate(file: String, reason: String)
    /// A server starts once.
    case alreadyStarted

    package var description: String {
        switch self {
        case .addressInUse(let address): "\(address) is in use by another process"
        case .socketIsLive(let path): "another process serves on the socket \(path)"
        case .notASocket(let path): "\(path) exists and is not a socket"
        case .failed(let address, let reason): "can't listen on \(address): \(reason)"
        case .certificate(let file, let reason):
            "can't use the certificate or key in \(file): \(reason)"
        case .alreadyStarted: "the server was started before"
        }
    }
}
