import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// What is to be fetched, and whom to trust with it.
package struct FetchOrder: Hashable, Sendable {
    package let address: HTTPSAddress
    /// PEM of the certificates that vouch for the host, instead of the machine's own authorities.
    package let authority: String?
    /// Whether addresses that are not of the public internet may be asked.
    package let allowsPrivate: Bool

    package init(_ address: HTTPSAddress, authority: String? = nil, allowsPrivate: Bool = false) {
        (self.address, self.authority, self.allowsPrivate) = (address, authority, allowsPrivate)
    }
}

/// Fetches small documents over https.
package final class Fetcher: Sendable {
    package static let mostBytes = 256 << 10
    /// Addresses of one host that are tried.
    private static let mostTries = 3

    private let limit: Duration
    private let lookUp: @Sendable (String, Duration) async throws(FetchError) -> [NetworkAddress]

    package convenience init() {
        let lookup = Lookup()
        self.init(limit: .seconds(5)) { host, limit throws(FetchError) in
            try await lookup.addresses(of: host, within: TimeAmount(limit))
        }
    }

    /// - Parameters:
    ///   - limit: for all of one fetch.
    ///   - lookUp: a host's addresses.
    package init(
        limit: Duration,
        lookUp: @escaping @Sendable (String, Duration) async throws(FetchError) -> [NetworkAddress]
    ) {
        (self.limit, self.lookUp) = (limit, lookUp)
    }

    /// The bytes of one document.
    package func fetch(_ order: FetchOrder) async throws(FetchError) -> [UInt8] {
        let trust = try Self.trust(order)
        let begun = ContinuousClock.now
        let addresses = try await lookUp(order.address.host, limit)
        guard !addresses.isEmpty else { throw .unknownHost(order.address.host) }
        if !order.allowsPrivate, let address = addresses.first(where: { !$0.isPublic }) {
            throw .privateAddress("\(address)")
        }
        var problem = FetchError.timedOut
        for address in addresses.prefix(Self.mostTries) {
            let left = limit - (ContinuousClock.now - begun)
            guard left > .zero else { throw .timedOut }
            do throws(FetchError) {
                return try await Self.withLimit(left) { await Self.get(order.address, at: address, trust, left) }
            } catch {
                // Another address may be reached where this one is not; an answer is an answer.
                guard case .failed = error else { throw error }
                problem = error
            }
        }
        throw problem
    }

    /// Whether this is PEM of at least one certificate.
    package static func isAuthority(_ pem: String) -> Bool {
        (try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))?.isEmpty == false
    }

    private static func trust(_ order: FetchOrder) throws(FetchError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        guard let authority = order.authority else { return tls }
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)), !certificates.isEmpty
        else {
            throw .badAuthority
        }
        tls.trustRoots = .certificates(certificates)
        return tls
    }

    /// One GET over a connection of its own to exactly this address.
    private static func get(
        _ url: HTTPSAddress, at address: NetworkAddress, _ tls: TLSConfiguration, _ left: Duration
    ) async -> Result<[UInt8], FetchError> {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(left), read: TimeAmount(left)))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        // The name stays in the handshake and in `Host`, and is not looked up again.
        configuration.dnsOverride = [url.host: "\(address)"]
        configuration.http1_1ConnectionDebugInitializer = { HostNames.check($0, url.host) }
        let client = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        let result = await answer(of: client, url, left)
        try? await client.shutdown()
        return result
    }

    private static func answer(
        of client: HTTPClient, _ url: HTTPSAddress, _ left: Duration
    ) async -> Result<[UInt8], FetchError> {
        var request = HTTPClientRequest(url: url.description)
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "berth")
        do {
            let response = try await client.execute(request, deadline: .now() + TimeAmount(left))
            guard response.status.code == 200 else { return .failure(.status(Int(response.status.code))) }
            return .success(Array(try await response.body.collect(upTo: mostBytes).readableBytesView))
        } catch is NIOTooManyBytesError {
            return .failure(.tooLarge(mostBytes))
        } catch let error as FetchError {
            return .failure(error)
        } catch {
            return .failure(.failed("there is no answer: \(error)"))
        }
    }

    /// What `work` gives, unless it takes longer: then it is cancelled, and waited for.
    private static func withLimit(
        _ limit: Duration, _ work: @escaping @Sendable () async -> Result<[UInt8], FetchError>
    ) async throws(FetchError) -> [UInt8] {
        let result = await withTaskGroup(of: Result<[UInt8], FetchError>.self) { group in
            group.addTask { await work() }
            group.addTask {
                try? await Task.sleep(for: limit)
                return .failure(.timedOut)
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(.timedOut)
        }
        return try result.get()
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let (seconds, fraction) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + fraction / 1_000_000_000)
    }
}
