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
            _ = try? runProgram("umount", "--quiet", "--lazy", "\(path)/\(name)")
        }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A file system of its own at `<path>/<name>`.
    func mount(_ name: String, _ arguments: String...) throws -> String {
        let point = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
        try runProgram(["mount"] + arguments + [point])
        return point
    }
}

/// Runs a program to its end. Its failure is thrown with what it said.
@discardableResult
func runProgram(_ command: String...) throws -> String { try runProgram(command) }

@discardableResult
func runProgram(_ command: [String]) throws -> String {
    let path = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", "LC_ALL": "C"]
    let outcome = try runToEnd(["/usr/bin/env"] + command, environment: path)
    let output = outcome.output + outcome.complaint
    guard outcome.status == 0 else { throw TestFailure("\(command.joined(separator: " ")): \(output)") }
    return output
}

/// Whether this machine lets tests mount, and why not where it does not.
enum Mounting {
    static let tmpfs = reason { scratch in _ = try scratch.mount("disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs") }
    static let image = reason { scratch in
        try makeImage("\(scratch.path)/image", mebibytes: 8)
        _ = try scratch.mount("disk", "-o", "loop", "\(scratch.path)/image")
    }

    /// An ext4 file system in a file.
    static func makeImage(_ path: String, mebibytes: Int) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), truncate(path, mebibytes << 20) == 0
        else { throw TestFailure("no image \(path)") }
        try runProgram("mkfs.ext4", "-q", "-F", path)
    }

    /// Nil where it works.
    private static func reason(_ attempt: (Scratch) throws -> Void) -> String? {
        do {
            try attempt(Scratch())
            return nil
        } catch {
            return "\(error)"
        }
    }
}

/// Numbers that come again with the same seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator, Sendable {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: next()) { bytes += $0 } }
        return Array(bytes.prefix(count))
    }

    /// As many as one likes, faster: a piece of them again and again.
    mutating func manyBytes(_ count: Int) -> [UInt8] {
        let piece = bytes(65_521)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + piece.count)
        while bytes.count < count { bytes += piece }
        return Array(bytes.prefix(count))
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
