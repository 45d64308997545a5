import NIOCore

/// Who is at the other end of a Unix socket, as the kernel saw it connect: `SO_PEERCRED` of unix(7).
struct PeerCredentials: Sendable {
    private static let option = NIOBSDSocket.Option(rawValue: 17)

    // As `struct ucred` has them.
    let process: Int32
    let user: UInt32
    let group: UInt32

    /// Nil where the system does not say. On the channel's event loop.
    static func user(of channel: any Channel) -> UInt32? {
        guard let socket = channel as? any SocketOptionProvider else { return nil }
        let answer: EventLoopFuture<PeerCredentials> = socket.unsafeGetSocketOption(level: .socket, name: option)
        var found: UInt32?
        // Asked on its own loop, the channel answers at once.
        answer.assumeIsolated().whenSuccess { found = $0.user }
        return found
    }
}
