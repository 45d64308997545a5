import Foundation
import Glibc
import Synchronization

/// Something that lives until the test process ends, and is cleaned away then: a daemon, or only a folder.
///
/// A small shell process (`Scripts/keep.sh`) holds it and reads a pipe whose other end is ours. However the test process ends,
/// the pipe closes; the shell then ends the daemon by its process id and removes the folder.
struct Keeper: Sendable {
    /// The folder, which is the keeper's own.
    let folder: String
    /// The line of the daemon's log that said it was ready.
    let greeting: String

    /// The daemon's log so far.
    var log: String { Keeper.log(in: folder) }

    private static func log(in folder: String) -> String {
        (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? ""
    }

    /// A folder for this test process.
    static func folder(_ name: String) throws -> Keeper {
        let folder = try newFolder(name)
        try hold([folder], output: nil)
        return Keeper(folder: folder, greeting: "")
    }

    /// Starts a daemon.
    ///
    /// - Parameters:
    ///   - pattern: extended regular expression of the log line that says it is ready.
    ///   - command: the daemon's program and arguments; gets the folder, in which it can put files first.
    /// - Throws: `DaemonError` with the log if the daemon ends without that line, or has not written it after two
    ///   minutes; then it is ended.
    static func daemon(
        _ name: String, readyAt pattern: String, _ command: (_ folder: String) throws -> [String]
    ) async throws -> Keeper {
        let folder = try newFolder(name)
        let greetings = try newPipe()
        let reading = FileHandle(fileDescriptor: greetings.reading, closeOnDealloc: true)
        let life: Int32
        do {
            defer { close(greetings.writing) }
            life = try hold([folder, pattern] + command(folder), output: greetings.writing)
        }
        let logWhenLate = Mutex<String?>(nil)
        let patience = DispatchWorkItem {
            logWhenLate.withLock { $0 = log(in: folder) }
            close(life)
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + 120, execute: patience)
        let greeting = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let line = (try? reading.readToEnd()).flatMap { $0 } ?? Data()
                continuation.resume(returning: String(decoding: line, as: UTF8.self))
            }
        }
        patience.cancel()
        guard !greeting.isEmpty else {
            throw DaemonError(name: name, log: logWhenLate.withLock(\.self) ?? log(in: folder))
        }
        return Keeper(folder: folder, greeting: greeting)
    }

    private static func newFolder(_ name: String) throws -> String {
        var template = Array("/tmp/berth-\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SpawnError(program: "mkdtemp", code: errno) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Starts the shell that keeps. It lives until the pipe's end that is answered is closed: by the kernel, when this
    /// process ends.
    @discardableResult
    private static func hold(_ arguments: [String], output: Int32?) throws -> Int32 {
        let life = try newPipe()
        defer { close(life.reading) }
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        let keeps = ProcessInfo.processInfo.environment["BERTH_KEEP_FOLDERS"] ?? "0"
        _ = try spawn(
            "/bin/sh", [Place.script("keep.sh")] + arguments,
            environment: Scratch.baseEnvironment.merging(["KEEP_FOLDERS": keeps]) { $1 }, directory: "/",
            files: (life.reading, output ?? null, null))
        return life.writing
    }
}

struct DaemonError: Error, CustomStringConvertible {
    let name: String
    let log: String

    var description: String { "\(name) did not start:\n\(log.suffix(4000))" }
}

/// A value made once, when somebody first asks, and shared: a daemon.
actor Once<Value: Sendable> {
    private let make: @Sendable () async throws -> Value
    private var making: Task<Value, any Error>?

    init(_ make: @escaping @Sendable () async throws -> Value) { self.make = make }

    var value: Value {
        get async throws {
            if let making { return try await making.value }
            let task = Task { try await make() }
            making = task
            return try await task.value
        }
    }
}
