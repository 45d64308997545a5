import BerthModel
import Synchronization

/// How often somebody may be wrong. Failures drain buckets, one for the account seen from one address, one for the
/// address, one for the account; while one is empty, nothing is even looked at. Unknown accounts count like others.
final class Attempts: Sendable {
    /// Failures until a bucket is empty, and seconds until it has one more.
    private struct Kind {
        let capacity: Double
        let refill: Double
    }
    private static let pair = Kind(capacity: 10, refill: 12)
    private static let address = Kind(capacity: 60, refill: 2)
    private static let account = Kind(capacity: 200, refill: 1)
    private static let mostBuckets = 20_000

    private struct Bucket {
        var level: Double
        /// Milliseconds.
        var at: Int64
    }
    private let buckets = Mutex<[String: Bucket]>([:])

    /// Nil where another attempt may be made; else the seconds until then.
    func wait(_ account: String, from address: String, at now: Int64) -> Int? {
        buckets.withLock { buckets in
            var wait = 0.0
            for (key, kind) in Self.keys(account, address) {
                guard let bucket = buckets[key] else { continue }
                let level = Self.level(bucket, kind, now)
                if level < 1 { wait = max(wait, (1 - level) * kind.refill) }
            }
            return wait > 0 ? Int(wait.rounded(.up)) : nil
        }
    }

    func failed(_ account: String, from address: String, at now: Int64) {
        buckets.withLock { buckets in
            if buckets.count > Self.mostBuckets { buckets = [:] }
            for (key, kind) in Self.keys(account, address) {
                let level = buckets[key].map { Self.level($0, kind, now) } ?? kind.capacity
                buckets[key] = Bucket(level: max(0, level - 1), at: now)
            }
        }
    }

    private static func level(_ bucket: Bucket, _ kind: Kind, _ now: Int64) -> Double {
        min(kind.capacity, bucket.level + Double(max(0, now - bucket.at)) / 1000 / kind.refill)
    }

    /// A client's text is cut, so that no name is worth much memory.
    private static func keys(_ account: String, _ address: String) -> [(String, Kind)] {
        let account = String(decoding: account.utf8.prefix(64), as: UTF8.self)
        return [("p \(address) \(account)", pair), ("d \(address)", Self.address), ("c \(account)", Self.account)]
    }
}
