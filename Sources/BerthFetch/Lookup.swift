import Glibc
import NIOCore
import NIOPosix

/// Looks names up, on threads of its own: the C library gives no other way than to wait.
final class Lookup: Sendable {
    /// Addresses beyond are not looked at.
    private static let most = 64

    private let threads = NIOThreadPool(numberOfThreads: 2)

    init() { threads.start() }

    deinit { threads.shutdownGracefully { _ in } }

    /// The addresses of a host, in the order in which they are to be tried. Throws `.unknownHost` or `.timedOut`.
    func addresses(of host: String, within limit: TimeAmount) async throws(FetchError) -> [NetworkAddress] {
        if let address = NetworkAddress(host) { return [address] }
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = loop.makePromise(of: [NetworkAddress].self)
        let timeout = loop.scheduleTask(in: limit) { promise.fail(FetchError.timedOut) }
        threads.submit { _ in promise.succeed(Self.find(host)) }
        let found: [NetworkAddress]
        do { found = try await promise.futureResult.get() } catch { throw .timedOut }
        timeout.cancel()
        guard !found.isEmpty else { throw .unknownHost(host) }
        return found
    }

    private static func find(_ host: String) -> [NetworkAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        var found: [NetworkAddress] = []
        var next = first
        while let entry = next, found.count < most {
            if let address = entry.pointee.ai_addr.flatMap({ NetworkAddress($0) }), !found.contains(address) {
                found.append(address)
            }
            next = entry.pointee.ai_next
        }
        return found
    }
}
