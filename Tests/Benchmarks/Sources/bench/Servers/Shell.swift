import Glibc

/// Small programs that are asked something.
enum Shell {
    /// What a program writes to both of its outputs; nil if it cannot be started.
    static func output(_ command: [String]) -> String? {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
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
        guard status == 0 else { return nil }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        var exit: Int32 = 0
        waitpid(identifier, &exit, 0)
        return String(decoding: bytes, as: UTF8.self)
    }
}
