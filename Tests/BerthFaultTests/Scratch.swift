import BerthTestSupport
import Foundation
import Glibc
import Testing

/// A folder for one test, gone after it with everything that was mounted below.
final class Scratch: Sendable {
    let path: String
    /// Where a server keeps everything.
    var root: String { "\(path)/root" }

    /// In memory: a killed process loses nothing of it, and a sync costs nothing.
    init() throws {
        let place = FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : "/tmp"
        var template = Array("\(place)/berth-faults-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("no folder in \(place): errno \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in ["copy", "disk"] where FileManager.default.fileExists(atPath: "\(path)/\(name)") {
            umount2("\(path)/\(name)", Int32(MNT_DETACH))
        }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A file system of its own at `<path>/<name>`.
    func mount(_ name: String, _ arguments: String...) async throws -> String {
        let point = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
        try await runProgram(["mount"] + arguments + [point])
        return point
    }
}

/// Runs a program to its end. Its failure is thrown with what it said.
@discardableResult
func runProgram(_ command: String...) async throws -> String { try await runProgram(command) }

@discardableResult
func runProgram(_ command: [String]) async throws -> String {
    let path = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", "LC_ALL": "C"]
    let outcome = try await runToEnd(["/usr/bin/env"] + command, environment: path)
    let output = outcome.output + outcome.complaint
    guard outcome.status == 0 else { throw TestFailure("\(command.joined(separator: " ")): \(output)") }
    return output
}

/// Whether this machine lets tests mount: tried once.
enum Mounting {
    static let tmpfs = attempt { scratch in
        _ = try await scratch.mount("disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    }
    static let ext4 = attempt { try await tryOut(.ext4, $0) }
    static let xfs = attempt { try await tryOut(.xfs, $0) }

    private static func tryOut(_ system: FileSystem, _ scratch: Scratch) async throws {
        try await system.makeImage("\(scratch.path)/image")
        _ = try await scratch.mount("disk", "-o", "loop", "\(scratch.path)/image")
    }

    /// True where it works.
    private static func attempt(_ mount: @escaping @Sendable (Scratch) async throws -> Void) -> Task<Bool, Never> {
        Task { (try? await mount(Scratch())) != nil }
    }
}

/// A file system in a file.
enum FileSystem: String, CaseIterable, Sendable {
    case ext4, xfs

    /// The smallest that xfs takes; only what is written of it takes room.
    private static let bytes = 320 << 20

    func makeImage(_ path: String) async throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), truncate(path, Self.bytes) == 0
        else { throw TestFailure("no image \(path)") }
        switch self {
        case .ext4: try await runProgram("mkfs.ext4", "-q", "-F", path)
        case .xfs: try await runProgram("mkfs.xfs", "-q", "-f", path)
        }
    }

    /// Nothing gets to the disk in time but what is synced: xfs writes its log every 30 seconds at the earliest.
    var lazily: String {
        switch self {
        case .ext4: "loop,commit=600,noauto_da_alloc"
        case .xfs: "loop"
        }
    }

    /// For a copy while the original is mounted.
    var beside: String {
        switch self {
        case .ext4: "loop"
        case .xfs: "loop,nouuid"
        }
    }
}
