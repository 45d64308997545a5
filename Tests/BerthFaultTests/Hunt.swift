import BerthTestSupport
import Foundation
import Glibc
import Synchronization

/// What one task tells others, once.
final class Flag: Sendable {
    private let state = Mutex(false)
    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}

/// Waits for a server's coming to a moment, and kills it there.
struct Hunt {
    let server: BerthProcess
    let shim: FaultShim
    let root: String
    let folder: String
    let target: KillPoint.Target
    /// What was seen at one step may have come to something else: after so many operations it is looked for anew.
    private static let patience = 40

    /// True: it was killed. False: what it was to be killed in is over. The first of `steps` is armed already.
    func find(
        _ steps: [KillPoint.Step], nth: Int, until isOver: () -> Bool, hasBegun: () -> Bool
    ) async throws -> Bool {
        var (step, left, misses, seen) = (0, nth, 0, [String]())
        defer {
            shim.disarm()
            server.signal(SIGCONT)
        }
        while true {
            while !shim.isHolding {
                if isOver() { return false }
                // The shim says so in shared memory, which nothing can be told of; no longer, for the held thread waits.
                try await Task.sleep(for: .microseconds(200))
            }
            try await stop()
            let words = shim.victim.split(separator: " ", maxSplits: 1)
            let scene = KillPoint.Scene(
                path: words.count > 1 ? String(words[1]) : "", remains: try Remains(of: root, in: folder),
                target: target, seen: seen)
            if hasBegun(), let found = try steps[step].look(scene) {
                (step, misses, seen) = (step + 1, 0, found)
                if step == steps.count {
                    left -= 1
                    if left == 0 {
                        await server.kill()
                        return true
                    }
                    step = 0
                }
                shim.arm(steps[step].plan)
            } else if step > 0 {
                misses += 1
                if misses == Self.patience {
                    (step, misses) = (0, 0)
                    shim.arm(steps[0].plan)
                }
            }
            shim.letGo()
            server.signal(SIGCONT)
        }
    }

    /// Every thread of it stands still.
    private func stop() async throws {
        server.signal(SIGSTOP)
        let tasks = "/proc/\(server.identifier)/task"
        try await eventually("the server stands still") {
            try FileManager.default.contentsOfDirectory(atPath: tasks).allSatisfy { task in
                let status = try? String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
                // A thread that has ended meanwhile stands still as well.
                return status?.split(separator: ")").last?.hasPrefix(" T") ?? true
            }
        }
    }
}
