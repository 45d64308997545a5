import BerthModel
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The clocks that the catalog reads. Tests have one that they move by hand.
package protocol RegistryClock: Sendable {
    /// Microseconds since the machine started, sleep included; no jump of the wall clock moves it.
    func sinceBoot() -> Int64
    /// Microseconds since 1970, for people to read. Nothing is decided by it but an upload's expiry.
    func wall() -> Int64
    /// Another one after each start of the machine.
    func bootID() -> String
}

package struct SystemClock: RegistryClock {
    package init() {}

    package func sinceBoot() -> Int64 { microseconds(CLOCK_BOOTTIME) }
    package func wall() -> Int64 { microseconds(CLOCK_REALTIME) }

    package func bootID() -> String {
        let file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "unknown" }
        defer { close(file) }
        var text = [UInt8](repeating: 0, count: 36)
        let count = read(file, &text, text.count)
        return count == 36 ? String(decoding: text, as: UTF8.self) : "unknown"
    }

    private func microseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}

/// Registry time: microseconds that this registry has been running, over all its starts. Leases and windows count in
/// it, so neither downtime nor a jump of the wall clock moves them.
final class RegistryTime: Sendable {
    private struct State {
        var base: Int64 = 0
        var since: Int64 = 0
    }
    private let clock: any RegistryClock
    private let state: Mutex<State>

    /// Continues from what was stored last.
    init(from stored: Int64, clock: any RegistryClock) {
        self.clock = clock
        self.state = Mutex(State(base: stored, since: clock.sinceBoot()))
    }

    func now() -> Int64 {
        let boot = clock.sinceBoot()
        return state.withLock { state in
            // A clock that goes back counts as standing still.
            if boot > state.since { state.base += boot - state.since }
            state.since = boot
            return state.base
        }
    }
}
