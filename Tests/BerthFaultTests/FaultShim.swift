import BerthTestSupport
import Foundation
import Glibc

/// What the library under `shim/` does to a server's calls of the file system.
struct FaultPlan: Sendable {
    /// As in `shim/faults.c`, in this order.
    enum Operation: Int, CaseIterable {
        case open, write, sync, rename, unlink, truncate, allocate, makeFolder, read, create

        /// All that change something, and opening, which needs a descriptor.
        static let all: Set<Operation> = Set(allCases).subtracting([.read])
        /// What a read-only file system refuses.
        static let changing: Set<Operation> = all.subtracting([.open, .sync])
    }
    enum Mode: Int32 { case count, fail, kill, hangUp, hold }
    enum Files: Int32, Sendable { case all, catalog, store }

    var mode = Mode.fail
    var operations = Operation.all
    var files = Files.all
    /// The first operation that fails, from 1.
    var nth = 1
    /// How many fail, from there on.
    var times = 1
    var errors = Errors.first
    /// A part of the path below the root, or its end where a `$` follows; empty for all.
    var pattern = ""
    /// Syncs succeed and do nothing.
    var skipsSync = false

    /// What each kind of operation fails with: between them the two hold what file systems really answer.
    enum Errors: String, CaseIterable, Sendable {
        case first = "ENOSPC, or EMFILE where a file is opened"
        case second = "EIO"
        case readOnly = "EROFS"

        func code(_ operation: Operation) -> Int32 {
            switch (self, operation) {
            case (.readOnly, _): EROFS
            case (.first, .open), (.first, .create): EMFILE
            case (.first, .write), (.first, .rename), (.first, .allocate), (.first, .makeFolder): ENOSPC
            default: EIO
            }
        }
    }
}

/// The library of `shim/`, compiled once, and the file by which one server's copy of it is steered.
final class FaultShim: Sendable {
    private static let library = Task { try await compile() }
    private let control: String
    private let descriptor: CInt

    init(in folder: String) throws {
        control = "\(folder)/control"
        descriptor = Glibc.open(control, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0, ftruncate(descriptor, 416) == 0 else { throw TestFailure("no control file") }
    }

    deinit { close(descriptor) }

    /// The variables that put the library between a server and `root`.
    func environment(root: String) async throws -> [String: String] {
        ["LD_PRELOAD": try await Self.library.value, "FAULT_ROOT": root, "FAULT_CONTROL": control]
    }

    /// Counts and fails from now on by `plan`.
    func arm(_ plan: FaultPlan) {
        disarm()
        let classes = plan.operations.reduce(Int32(0)) { $0 | 1 << Int32($1.rawValue) }
        put(
            1,
            [classes, plan.files.rawValue, Int32(plan.nth), Int32(plan.times), plan.skipsSync ? 1 : 0]
                + FaultPlan.Operation.allCases.map(plan.errors.code) + [0, 0, 0, 0])
        var pattern = [UInt8](repeating: 0, count: 64)
        pattern.replaceSubrange(0..<plan.pattern.utf8.count, with: plan.pattern.utf8)
        pwrite(descriptor, pattern, 64, 96)
        put(0, [plan.mode.rawValue])
    }

    /// Lets everything through, also what is held; what was counted stays to be read.
    func disarm() {
        put(0, [0, 0])
        letGo()
    }

    /// Whether an operation stands still before it begins: then `victim` says which.
    var isHolding: Bool { number(20) > number(21) }
    /// Lets what is held go on.
    func letGo() { put(21, [Int32(number(20))]) }

    /// Operations since `arm`, those that failed, and syncs passed on.
    var count: Int { number(16) }
    var fired: Int { number(17) }
    var syncs: Int { number(18) }
    /// Syncs of a file of which an earlier sync had failed.
    var repeatedSyncs: Int { number(19) }
    /// What failed last, as in `write /berth.db-wal`.
    var victim: String {
        var bytes = [UInt8](repeating: 0, count: 256)
        pread(descriptor, &bytes, 256, 160)
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private func put(_ index: Int, _ numbers: [Int32]) {
        _ = numbers.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(4 * index)) }
    }

    private func number(_ index: Int) -> Int {
        var number: Int32 = 0
        pread(descriptor, &number, 4, off_t(4 * index))
        return Int(number)
    }

    private static func compile() async throws -> String {
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "shim/faults.c").path
        let library = "\(NSTemporaryDirectory())/berth-faults-\(getpid()).so"
        try await runProgram("cc", "-O1", "-fPIC", "-shared", "-o", library, source, "-ldl", "-pthread")
        atexit { unlink("\(NSTemporaryDirectory())/berth-faults-\(getpid()).so") }
        return library
    }
}
