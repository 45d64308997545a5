import Foundation
import Testing

/// The place of one test: a folder, an environment for its clients, and names in the registry that are its alone.
struct Scratch: Sendable {
    let registry: Registry
    /// Removed when the test ends, with all that is mounted below it.
    let folder: String
    /// First part of this test's repository names.
    let namespace: String

    /// `127.0.0.1:PORT/NAMESPACE/NAME`, as clients name an image.
    func image(_ name: String) -> String { "\(registry.address)/\(namespace)/\(name)" }
    /// A URL of the API.
    func url(_ path: String) -> String { "http://\(registry.address)/v2/\(namespace)/\(path)" }

    static let baseEnvironment = [
        "PATH": Command.searchPath.joined(separator: ":"), "LC_ALL": "C.UTF-8", "USER": "root", "HOME": "/nonexistent",
    ]

    /// What clients see: nothing of the user's, and settings that lead all their state into the folder.
    var environment: [String: String] {
        Scratch.baseEnvironment.merging([
            "HOME": "\(folder)/home", "TMPDIR": "\(folder)/tmp", "XDG_RUNTIME_DIR": "\(folder)/run",
            "CONTAINERS_STORAGE_CONF": "\(folder)/storage.conf", "CONTAINERS_CONF": "\(folder)/containers.conf",
        ]) { $1 }
    }

    func command(_ program: String, _ arguments: [String], _ more: [String: String] = [:]) -> Command {
        Command(
            program: program, arguments: arguments, environment: environment.merging(more) { $1 }, directory: folder)
    }

    /// Runs a program that must succeed.
    @discardableResult
    func run(_ program: String, _ arguments: String..., with more: [String: String] = [:]) async throws -> Finished {
        let finished = try await command(program, arguments, more).run()
        guard finished.status == 0 else { throw CommandFailure(finished: finished) }
        return finished
    }

    /// Runs a program that must fail, and by itself.
    @discardableResult
    func fail(_ program: String, _ arguments: String..., with more: [String: String] = [:]) async throws -> Finished {
        let finished = try await command(program, arguments, more).run()
        guard (1..<128).contains(finished.status) else { throw CommandFailure(finished: finished) }
        return finished
    }

    /// Runs something in a container. Where the machine does not let clients do that, this is counted and nil returned.
    func contained(_ what: String, _ body: () async throws -> Finished) async throws -> Finished? {
        do {
            return try await body()
        } catch let failure as CommandFailure {
            let refusals =
                #/operation not permitted|permission denied|cgroups?[ :]|not supported|read-only file system/#
                .ignoresCase()
            guard let refusal = failure.finished.errors.split(separator: "\n").last(where: { $0.contains(refusals) })
            else { throw failure }
            Tally.refused(what, String(refusal))
            return nil
        }
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    func read(_ path: String) throws -> String {
        try String(contentsOfFile: path.hasPrefix("/") ? path : "\(folder)/\(path)", encoding: .utf8)
    }
    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
}

/// Runs a test with the clients that it needs.
///
/// Where one of them cannot run, the test is skipped with the reason, or fails if that one is required here.
func withClients(
    _ clients: Client..., of registry: Once<Registry> = Registry.shared,
    sourceLocation: SourceLocation = #_sourceLocation,
    test: (Scratch) async throws -> Void
) async throws {
    for client in clients {
        guard let obstacle = await client.obstacleOnThisMachine() else { continue }
        Tally.skipped(client, obstacle)
        guard client.isRequired && Client.requiresClients else {
            try Test.cancel("\(client.rawValue): \(obstacle)", sourceLocation: sourceLocation)
        }
        throw MissingClient(client: client, obstacle: obstacle)
    }
    let number = UInt32.random(in: .min ... .max)
    let scratch = Scratch(
        registry: try await registry.value,
        folder: try await workshop.value.folder + "/" + String(number, radix: 36),
        namespace: "clients/" + String(number, radix: 36))
    try prepare(scratch)
    for client in clients {
        let command = client.versionCommand
        let version = try await scratch.command(command[0], Array(command.dropFirst())).run()
        guard version.status == 0 else { throw CommandFailure(finished: version) }
        Tally.ran(client, version: version.all.split(separator: "\n").first.map(String.init) ?? "?")
    }
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await test(scratch)) } catch { outcome = .failure(error) }
    let errors = scratch.registry.serverErrors(scratch.namespace)
    #expect(errors.isEmpty, "the registry failed", sourceLocation: sourceLocation)
    try await scratch.run("/bin/sh", Place.script("remove.sh"), scratch.folder)
    try outcome.get()
}

struct MissingClient: Error, CustomStringConvertible {
    let client: Client
    let obstacle: String
    var description: String { "\(client.rawValue) has to run here, but \(obstacle). See install-clients.sh" }
}

/// Holds the folders of all tests of this process.
private let workshop = Once { try Keeper.folder("clients") }

/// Makes the folder and the settings that every client of the containers family reads.
private func prepare(_ scratch: Scratch) throws {
    for name in ["home/.config/containers", "tmp", "run"] { try scratch.makeFolder(name) }
    let home = "home/.config/containers"
    try scratch.write(#"{"default": [{"type": "insecureAcceptAnything"}]}"#, to: "\(home)/policy.json")
    try scratch.write(
        """
        [[registry]]
        location = "\(scratch.registry.address)"
        insecure = \(!scratch.registry.isSecure)

        """, to: "\(home)/registries.conf")
    try scratch.write(
        """
        [storage]
        driver = "vfs"
        graphroot = "\(scratch.folder)/storage/graph"
        runroot = "\(scratch.folder)/storage/run"

        """, to: "storage.conf")
    try scratch.write(
        """
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
        netns = "none"
        log_driver = "k8s-file"

        [engine]
        runtime = "runc"
        cgroup_manager = "cgroupfs"
        events_logger = "none"
        tmp_dir = "\(scratch.folder)/storage/tmp"

        """, to: "containers.conf")
}
