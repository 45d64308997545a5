import Glibc

/// Small programs that are asked something.
enum Shell {
    struct Outcome {
        let output: String
        let status: Int32
        let seconds: Double
        /// Of the program and what it waited for.
        let cpuSeconds: Double
        /// Highest resident memory that was seen, looked at fifty times a second.
        let peakMB: Double
    }

    /// What a program writes to both of its outputs; nil if it cannot be started.
    static func output(_ command: [String]) -> String? { try? measured(command).output }

    /// Runs a program to its end.
    static func measured(_ command: [String]) throws -> Outcome {
        let began = Clock.now()
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw BenchError("no pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        var arguments = command.map { strdup($0) } + [nil]
        defer { for pointer in arguments { free(pointer) } }
        var identifier: pid_t = 0
        let status = posix_spawnp(&identifier, command[0], &actions, nil, &arguments, environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard status == 0 else { throw BenchError("\(command[0]) cannot be started") }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        let tree = ProcessTree(root: identifier)
        var peak = 0.0
        while true {
            var state = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            let isReady = poll(&state, 1, 20)
            // What wait4 tells of memory begins with that of the process which started this one.
            peak = max(peak, tree.peakMB)
            if isReady == 0 { continue }
            let count = read(ends[0], &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        var exit: Int32 = 0
        var usage = rusage()
        wait4(identifier, &exit, 0, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return Outcome(
            output: String(decoding: bytes, as: UTF8.self), status: exit, seconds: Double(Clock.now() - began) / 1e9,
            cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), peakMB: peak)
    }
}
