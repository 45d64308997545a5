import Foundation
import Glibc
import Synchronization

/// The end of a child process: one thread waits for it, so that its id is signalled only as long as it is its own.
final class Ending: Sendable {
    private struct State {
        var exit: BerthProcess.Exit?
        var waiting: [CheckedContinuation<BerthProcess.Exit, Never>] = []
    }

    private let identifier: pid_t
    private let state = Mutex(State())

    init(_ identifier: pid_t) {
        self.identifier = identifier
        Thread.detachNewThread { self.reap() }
    }

    var exit: BerthProcess.Exit? { state.withLock(\.exit) }

    func kill(_ signal: Int32) {
        state.withLock { if $0.exit == nil { _ = Glibc.kill(identifier, signal) } }
    }

    func wait() async -> BerthProcess.Exit {
        await withCheckedContinuation { continuation in
            let exit = state.withLock { state in
                if state.exit == nil { state.waiting.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    private func reap() {
        // The process stays a zombie, and its id taken, until the state says that it has ended.
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let waiting = state.withLock { state in
            var status: Int32 = 0
            waitpid(identifier, &status, 0)
            let signal = status & 0x7f
            let exit: BerthProcess.Exit = signal == 0 ? .status(status >> 8 & 0xff) : .signal(signal)
            state.exit = exit
            defer { state.waiting = [] }
            return state.waiting.map { ($0, exit) }
        }
        for (continuation, exit) in waiting { continuation.resume(returning: exit) }
    }
}
