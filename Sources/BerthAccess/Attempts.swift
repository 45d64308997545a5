import BerthModel
import Synchronization

/// How often somebody may be wrong. Attempts at passwords drain buckets, one for the account seen from one address, one for
/// the address, one for the account, and what was right is given back; while one is empty, nothing is even looked at.
/// Unknown accounts count like others. From where an account was opened lately only the first of these counts: nobody
/// locks it out there by failing elsewhere, or beside it.
///
/// Secrets cannot be guessed. What is wrong of them drains a bucket of its own, so that a forgotten job with a revoked
/// one keeps nobody from logging in.
final class Attempts: Sendable {
    private struct State {
        var pairs = Buckets(capacity: 10, refill: 12)
        var addresses = Buckets(capacity: 60, refill: 2)
        var accounts = Buckets(capacity: 200, refill: 1)
        var secrets = Buckets(capacity: 60, refill: 2)
        var proven = RecentTimes(lasting: 24 * 3_600_000)
        /// Refusals that may be noted, of all together; and how many were not.
        var notes = Buckets(capacity: 1_000, refill: 0.1)
        var unnoted = 0

        /// Nil where all that are meant have one; else the seconds until they do.
        func wait(_ keys: Keys, at now: Int64) -> Int? {
            var waits = [keys.pair.map { pairs.wait($0, at: now) }]
            if keys.pair.map({ !proven.holds($0, at: now) }) ?? true {
                waits.append(keys.address.map { addresses.wait($0, at: now) })
                waits.append(accounts.wait(keys.account, at: now))
            }
            return Self.seconds(waits.compactMap { $0 }.max() ?? 0)
        }

        mutating func add(_ count: Double, _ keys: Keys, at now: Int64) {
            if let key = keys.pair { pairs.add(count, key, at: now) }
            if let key = keys.address { addresses.add(count, key, at: now) }
            accounts.add(count, keys.account, at: now)
        }

        static func seconds(_ wait: Double) -> Int? { wait > 0 ? Int(wait.rounded(.up)) : nil }
    }
    private let state = Mutex(State())

    /// Counts an attempt at an account's password before it is looked at, so that many at once are not more than many in
    /// turn. Nil where it may be made; else the seconds until then, and nothing is counted.
    func take(_ account: String, from address: String, at now: Int64) -> Int? {
        let keys = Keys(account, address)
        return state.withLock { state in
            if let wait = state.wait(keys, at: now) { return wait }
            state.add(-1, keys, at: now)
            return nil
        }
    }

    /// What was tried was right, or could not be looked at.
    func giveBack(_ account: String, from address: String, isRight: Bool, at now: Int64) {
        let keys = Keys(account, address)
        state.withLock { state in
            state.add(1, keys, at: now)
            if isRight, let pair = keys.pair { state.proven.note(pair, at: now) }
        }
    }

    /// Counts something wrong that is no password. Nil, or the seconds until the next is worth a look or a note.
    func takeSecret(from address: String, at now: Int64) -> Int? {
        let key = Network.of(address)
        return state.withLock { state in
            if let wait = State.seconds(state.secrets.wait(key, at: now)) { return wait }
            state.secrets.add(-1, key, at: now)
            return nil
        }
    }
}

extension Attempts {
    /// Whether one more refusal may be noted; one that may not is counted.
    func takeNote(at now: Int64) -> Bool {
        state.withLock { state in
            guard state.notes.wait("", at: now) == 0 else {
                state.unnoted += 1
                return false
            }
            state.notes.add(-1, "", at: now)
            return true
        }
    }

    /// How many were not noted since the last time.
    func takeUnnoted() -> Int {
        state.withLock { state in
            defer { state.unnoted = 0 }
            return state.unnoted
        }
    }
}

/// Which buckets an attempt drains.
private struct Keys {
    let pair: String?
    let address: String?
    let account: String

    /// A client's text is cut, so that no name is worth much memory. All clients of a Unix socket have one address, which
    /// tells nothing: there, accounts alone are counted.
    init(_ account: String, _ address: String) {
        let network = hasSameBytes(address, "unix") ? nil : Network.of(address)
        self.address = network
        self.account = String(decoding: account.utf8.prefix(64), as: UTF8.self)
        pair = if let network { "\(network) \(self.account)" } else { nil }
    }
}

/// What happened lately, a bounded number of times.
struct RecentTimes {
    static let most = 20_000

    /// Milliseconds.
    private let life: Int64
    private var times: [String: Int64] = [:]

    init(lasting life: Int64) { self.life = life }

    var count: Int { times.count }

    func holds(_ key: String, at now: Int64) -> Bool { times[key].map { (0..<life).contains(now - $0) } ?? false }

    /// Where too many are left, the oldest go.
    mutating func note(_ key: String, at now: Int64) {
        times[key] = now
        guard times.count > Self.most else { return }
        times = times.filter { (0..<life).contains(now - $0.value) }
        let keep = Self.most * 3 / 4
        guard times.count > keep else { return }
        let newest = times.sorted { $0.value > $1.value }.prefix(keep)
        times = Dictionary(newest.map { ($0.key, $0.value) }) { first, _ in first }
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
