import Synchronization

/// How often something happened, by whom, since somebody last asked. Its keys are accounts, so there are few.
final class RecentCounts: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func count(_ key: String) { counts.withLock { $0[key, default: 0] += 1 } }

    /// What was counted; counting begins anew.
    func take() -> [String: Int] {
        counts.withLock { counts in
            defer { counts = [:] }
            return counts
        }
    }
}
