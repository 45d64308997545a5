import BerthRegistry
import Synchronization

/// A clock that a test moves.
package final class ManualClock: WallClock {
    private let time: Mutex<Int64>

    /// 2026-01-01, unless told otherwise; milliseconds since 1970.
    package init(milliseconds: Int64 = 1_767_225_600_000) { time = Mutex(milliseconds) }

    package func milliseconds() -> Int64 { time.withLock { $0 } }
    package func advance(seconds: Int64) { time.withLock { $0 += seconds * 1000 } }
}
