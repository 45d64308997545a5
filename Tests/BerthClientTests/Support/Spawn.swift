import Glibc

/// What went wrong before a program ran.
struct SpawnError: Error, CustomStringConvertible {
    let program: String
    let code: Int32

    var description: String { "cannot start \(program): \(String(cString: strerror(code)))" }
}

/// Starts a program in a process group of its own, so that all of it can be ended together.
///
/// - Parameters:
///   - files: descriptors of this process that become the program's 0, 1 and 2.
/// - Returns: the process id; the caller waits for it.
func spawn(
    _ program: String, _ arguments: [String], environment: [String: String], directory: String,
    files: (input: Int32, output: Int32, errors: Int32)
) throws(SpawnError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, files.input, 0)
    posix_spawn_file_actions_adddup2(&actions, files.output, 1)
    posix_spawn_file_actions_adddup2(&actions, files.errors, 2)
    posix_spawn_file_actions_addchdir_np(&actions, directory)

    // The test runner's own signal settings are nothing to a client.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var argv = ([program] + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
        argv.forEach { free($0) }
        envp.forEach { free($0) }
    }
    var process: pid_t = 0
    let code = posix_spawn(&process, program, &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw SpawnError(program: program, code: code) }
    return process
}
