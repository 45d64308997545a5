import BerthModel
import Synchronization

/// How often somebody may be wrong. Attempts drain buckets, one for the account seen from one address, one for the
/// address, one for the account, and what was right is given back; while one is empty, nothing is even looked at.
/// Unknown accounts count like others.
final class Attempts: Sendable {
    private struct State {
        var pairs = Buckets(capacity: 10, refill: 12)
        var addresses = Buckets(capacity: 60, refill: 2)
        var accounts = Buckets(capacity: 200, refill: 1)

        /// Nil where all that are meant have one; else the seconds until they do.
        mutating func wait(_ keys: Keys, at now: Int64) -> Int? {
            let wait =
                [
                    keys.pair.map { pairs.wait($0, at: now) }, keys.address.map { addresses.wait($0, at: now) },
                    keys.account.map { accounts.wait($0, at: now) },
                ].compactMap { $0 }.max() ?? 0
            return wait > 0 ? Int(wait.rounded(.up)) : nil
        }

        mutating func add(_ count: Double, _ keys: Keys, at now: Int64) {
            if let key = keys.pair { pairs.add(count, key, at: now) }
            if let key = keys.address { addresses.add(count, key, at: now) }
            if let key = keys.account { accounts.add(count, key, at: now) }
        }
    }
    private let state = Mutex(State())

    /// Counts an attempt before it is looked at, so that many at once are not more than many in turn. Nil where it may
    /// be made; else the seconds until then, and nothing is counted. `account` nil: what is tried is no account's
    /// password, and must lock nobody out.
    func take(_ account: String?, from address: String, at now: Int64) -> Int? {
        let keys = Keys(account, address)
        return state.withLock { state in
            if let wait = state.wait(keys, at: now) { return wait }
            state.add(-1, keys, at: now)
            return nil
        }
    }

    /// What was tried was right, or could not be looked at.
    func giveBack(_ account: String?, from address: String, at now: Int64) {
        let keys = Keys(account, address)
        state.withLock { $0.add(1, keys, at: now) }
    }
}

/// Which buckets an attempt drains.
private struct Keys {
    let pair: String?
    let address: String?
    let account: String?

    /// A client's text is cut, so that no name is worth much memory. All clients of a Unix socket have one address, which
    /// tells nothing: there, accounts alone are counted.
    init(_ account: String?, _ address: String) {
        let network = hasSameBytes(address, "unix") ? nil : Network.of(address)
        self.address = network
        self.account = account.map { String(decoding: $0.utf8.prefix(64), as: UTF8.self) }
        pair = if let network, let account = self.account { "\(network) \(account)" } else { nil }
    }
}

/// Buckets of one size, a bounded number of them.
struct Buckets {
    static let most = 20_000

    private struct Bucket {
        var level: Double
        /// Milliseconds.
        var at: Int64
    }
    /// What a full one holds, and seconds until an emptied one has one more.
    private let capacity: Double
    private let refill: Double
    private var buckets: [String: Bucket] = [:]

    init(capacity: Double, refill: Double) { (self.capacity, self.refill) = (capacity, refill) }

    var count: Int { buckets.count }

    /// Seconds until there is one; 0: there is.
    func wait(_ key: String, at now: Int64) -> Double {
        guard let bucket = buckets[key] else { return 0 }
        let level = level(bucket, now)
        return level < 1 ? (1 - level) * refill : 0
    }

    /// Full ones are forgotten, they tell nothing. Where too many are left, the fullest go, which are the oldest or tell
    /// least: nobody gets his own forgotten by failing under many names.
    mutating func add(_ count: Double, _ key: String, at now: Int64) {
        let level = buckets[key].map { self.level($0, now) } ?? capacity
        buckets[key] = Bucket(level: min(capacity, max(0, level + count)), at: now)
        guard buckets.count > Self.most else { return }
        buckets = buckets.filter { self.level($0.value, now) < capacity }
        let keep = Self.most * 3 / 4
        guard buckets.count > keep else { return }
        let emptiest = buckets.sorted { self.level($0.value, now) < self.level($1.value, now) }.prefix(keep)
        buckets = Dictionary(emptiest.map { ($0.key, $0.value) }) { first, _ in first }
    }

    private func level(_ bucket: Bucket, _ now: Int64) -> Double {
        min(capacity, bucket.level + Double(max(0, now - bucket.at)) / 1000 / refill)
    }
}
