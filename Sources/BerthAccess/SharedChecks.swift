import Synchronization

/// Whoever shows the same credentials while they are being checked waits for the end of that: a job's sixty connections are
/// one login, and are not counted as sixty.
final class SharedChecks<Key: Hashable & Sendable>: Sendable {
    private let waiting = Mutex<[Key: [CheckedContinuation<Bool, Never>]]>([:])

    /// True at once: nobody checks these, and the caller does, up to `end`. False after another's check has ended.
    func begin(_ key: Key) async -> Bool {
        await withCheckedContinuation { continuation in
            let isFirst = waiting.withLock { waiting in
                guard waiting[key] != nil else {
                    waiting[key] = []
                    return true
                }
                waiting[key]?.append(continuation)
                return false
            }
            if isFirst { continuation.resume(returning: true) }
        }
    }

    func end(_ key: Key) {
        let others = waiting.withLock { $0.removeValue(forKey: key) ?? [] }
        for other in others { other.resume(returning: false) }
    }
}
