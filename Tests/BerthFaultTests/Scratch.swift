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
    static let image = attempt { scratch in
        try await makeImage("\(scratch.path)/image", mebibytes: 8)
        _ = try await scratch.mount("disk", "-o", "loop", "\(scratch.path)/image")
    }

    /// An ext4 file system in a file.
    static func makeImage(_ path: String, mebibytes: Int) async throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), truncate(path, mebibytes << 20) == 0
        else { throw TestFailure("no image \(path)") }
        try await runProgram("mkfs.ext4", "-q", "-F", path)
    }

    /// True where it works.
    private static func attempt(_ mount: @escaping @Sendable (Scratch) async throws -> Void) -> Task<Bool, Never> {
        Task { (try? await mount(Scratch())) != nil }
    }
}
