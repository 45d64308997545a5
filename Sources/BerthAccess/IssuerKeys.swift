package import BerthFetch
import BerthModel
import BerthRegistry
import JWTKit
import Synchronization

/// Where an issuer's keys come from.
struct KeySource: Hashable, Sendable {
    let issuer: String
    let authority: String?
    /// A JSON Web Key Set; nil: what the issuer publishes.
    let keys: String?
    let allowsPrivate: Bool
}

/// Fetches one document.
package typealias KeyFetch = @Sendable (FetchOrder) async throws(FetchError) -> [UInt8]

/// The keys of one issuer: fetched when they are needed, kept while they are good.
actor IssuerKeys {
    /// Milliseconds after which keys are looked for anew, for which the last good ones serve where there are none, and
    /// between two attempts.
    static let freshness: Int64 = 3_600_000
    static let lifetime: Int64 = 24 * 3_600_000
    static let pause: Int64 = 60_000

    private let source: KeySource
    private let clock: any WallClock
    private let load: KeyFetch
    private var keys: [VerifyingKey] = []
    /// Milliseconds since 1970.
    private var fetchedAt: Int64?
    private var triedAt: Int64?
    private var problem = ""
    private var running: Task<Result<[VerifyingKey], FetchError>, Never>?

    init(_ source: KeySource, _ clock: any WallClock, _ load: @escaping KeyFetch) {
        (self.source, self.clock, self.load) = (source, clock, load)
    }

    /// The issuer's key of this id that verifies by `algorithm`. Throws `.unknownKey`, or `.keys`.
    func key(_ id: String, _ algorithm: String) async throws(IDTokenProblem) -> any JWTAlgorithm {
        if isWithin(Self.freshness), let key = find(id, algorithm) { return key }
        if running != nil || isDue { await refresh() }
        guard isWithin(Self.lifetime) else { throw .keys(problem) }
        guard let key = find(id, algorithm) else { throw .unknownKey(id) }
        return key
    }

    private func find(_ id: String, _ algorithm: String) -> (any JWTAlgorithm)? {
        keys.lazy.filter { hasSameBytes($0.id, id) }.compactMap { $0.algorithms[algorithm] }.first
    }

    /// A clock that was set back makes everything old.
    private func isWithin(_ milliseconds: Int64) -> Bool {
        fetchedAt.map { (0..<milliseconds).contains(clock.milliseconds() - $0) } ?? false
    }

    private var isDue: Bool {
        triedAt.map { !(0..<Self.pause).contains(clock.milliseconds() - $0) } ?? true
    }

    /// Fetches once, however many ask for it at the same time.
    private func refresh() async {
        let task: Task<Result<[VerifyingKey], FetchError>, Never>
        if let running {
            task = running
        } else {
            triedAt = clock.milliseconds()
            task = Task { [source, load] in await KeyDocuments.keys(of: source, load) }
            running = task
        }
        let result = await task.value
        guard running == task else { return }
        running = nil
        switch result {
        case .success(let keys): (self.keys, fetchedAt, problem) = (keys, clock.milliseconds(), "")
        case .failure(let error): problem = "\(error)"
        }
    }
}

/// The keys of all issuers.
final class Issuers: Sendable {
    /// Issuers whose rules are gone are forgotten beyond so many.
    private static let most = 1_000

    private let clock: any WallClock
    private let fetch: KeyFetch
    private let issuers = Mutex<[KeySource: IssuerKeys]>([:])

    init(_ clock: any WallClock, _ fetch: @escaping KeyFetch) { (self.clock, self.fetch) = (clock, fetch) }

    convenience init(_ clock: any WallClock, fetcher: Fetcher) {
        self.init(clock) { order throws(FetchError) in try await fetcher.fetch(order) }
    }

    /// What the issuer publishes at this moment.
    func keys(of source: KeySource) async -> Result<[VerifyingKey], FetchError> {
        await KeyDocuments.keys(of: source, fetch)
    }

    subscript(source: KeySource) -> IssuerKeys {
        issuers.withLock { issuers in
            if let keys = issuers[source] { return keys }
            if issuers.count >= Self.most { issuers = [:] }
            let keys = IssuerKeys(source, clock, fetch)
            issuers[source] = keys
            return keys
        }
    }
}
