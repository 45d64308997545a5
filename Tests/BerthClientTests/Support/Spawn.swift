import Glibc
import Synchronization

/// What went wrong before a program ran.
struct SpawnError: Error, CustomStringConvertible {
    let program: String
    let code: Int32

    var description: String { "cannot start \(program): \(String(cString: strerror(code)))" }
}

/// Held while a descriptor is opened and marked as not to be inherited, and while a program starts: a daemon that inherited
/// the wrong end of a pipe would never end.
private let inheriting = Mutex(())

/// The two ends of a pipe, which no program inherits that is not given them.
func newPipe() throws(SpawnError) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    let code = inheriting.withLock { _ in
        guard pipe(&ends) == 0 else { return errno }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return 0
    }
    guard code == 0 else { throw SpawnError(program: "a pipe", code: code) }
    return (ends[0], ends[1])
}

/// A file without a name, for reading and writing; no program inherits it that is not given it.
func newNamelessFile() throws(SpawnError) -> Int32 {
    var template = Array("/tmp/berth-output-XXXXXX".utf8CString)
    let descriptor = inheriting.withLock { _ in
        let descriptor = mkstemp(&template)
        if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return descriptor
    }
    guard descriptor >= 0 else { throw SpawnError(program: "an output file", code: errno) }
    unlink(template)
    return descriptor
}

/// Starts a program in a process group of its own, so that all of it can be ended together.
///
/// - Parameters:
///   - program: an absolute path.
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

    // The test runner's own signal settings are nothing to a client.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))

    // `env` changes the folder and becomes the program.
    let starter = "/usr/bin/env"
    var argv = ([starter, "-C", directory, program] + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
        for text in argv + envp { free(text) }
    }
    var process: pid_t = 0
    let code = inheriting.withLock { _ in posix_spawn(&process, starter, &actions, &attributes, &argv, &envp) }
    guard code == 0 else { throw SpawnError(program: program, code: code) }
    return process
}
