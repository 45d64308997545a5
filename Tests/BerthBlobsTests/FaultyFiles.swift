import BerthBlobs
import Glibc
import Synchronization

/// Real files of which one call fails on purpose: the `nth` from `arm` on, with the error given. Afterwards all calls
/// work again, so what is seen is how one failure is dealt with; or all calls fail until `disarm`.
///
/// Also watches B6: a file whose sync has failed must not be synced again. Folders may be, for new entries.
final class FaultyFiles: FileOperations {
    /// Stands still: whether files are synced together is not to depend on how busy the machine is.
    let now = ContinuousClock.now
    private struct State {
        var countdown: Int?
        var error = ErrorNumber.inputOutput
        var calls = Set(SystemCall.allCases)
        var isForGood = false
        var failed: SystemCall?
        var counts: [SystemCall: Int] = [:]
        var openDescriptors = 0
        var mostBytesPerWrite = Int.max
        var freeSpace: Int64?
        /// Descriptors of files whose sync failed, kept open so that no new file can have the same inode.
        var badFiles: [CInt] = []
        var repeatedSyncs = 0
        var beforeUnlink: (@Sendable () -> Void)?
    }

    private let real = SystemFiles()
    private let state = Mutex(State())

    init() {}

    deinit { for descriptor in state.withLock({ $0.badFiles }) { Glibc.close(descriptor) } }

    // What a test sets and asks

    /// Lets the `nth` of the next calls fail; only calls of the given kinds count.
    func arm(
        failing nth: Int, with error: ErrorNumber, of calls: Set<SystemCall> = Set(SystemCall.allCases),
        forGood: Bool = false
    ) {
        state.withLock { state in
            (state.countdown, state.error, state.calls, state.failed) = (nth, error, calls, nil)
            state.isForGood = forGood
        }
    }

    func disarm() { state.withLock { $0.countdown = nil } }

    /// No write takes more than this many bytes.
    func shortenWrites(to bytes: Int) { state.withLock { $0.mostBytesPerWrite = bytes } }

    /// Says that so much is free, whatever is.
    func pretend(freeSpace bytes: Int64?) { state.withLock { $0.freeSpace = bytes } }

    /// Something that happens right before each unlink.
    func beforeUnlink(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.beforeUnlink = body } }

    var hasFailed: Bool { failed != nil }
    var failed: SystemCall? { state.withLock { $0.failed } }
    var repeatedSyncs: Int { state.withLock { $0.repeatedSyncs } }
    var openDescriptors: Int { state.withLock { $0.openDescriptors } }
    func count(_ call: SystemCall) -> Int { state.withLock { $0.counts[call] ?? 0 } }

    private func step(_ call: SystemCall) throws(SystemError) {
        let error = state.withLock { state -> ErrorNumber? in
            state.counts[call, default: 0] += 1
            guard let countdown = state.countdown, state.calls.contains(call) else { return nil }
            guard countdown == 1 else {
                state.countdown = countdown - 1
                return nil
            }
            if !state.isForGood { state.countdown = nil }
            state.failed = state.failed ?? call
            return state.error
        }
        if let error { throw SystemError(call, error) }
    }

    private func watchSync(_ descriptor: CInt, _ call: SystemCall) throws(SystemError) {
        let status = try real.status(descriptor)
        if status.kind == .regular {
            for bad in state.withLock({ $0.badFiles }) {
                let other = try real.status(bad)
                if (other.device, other.inode) == (status.device, status.inode) {
                    state.withLock { $0.repeatedSyncs += 1 }
                }
            }
        }
        do {
            try step(call)
        } catch {
            if status.kind == .regular { state.withLock { $0.badFiles.append(dup(descriptor)) } }
            throw error
        }
    }

    private func opened(_ descriptor: CInt) -> CInt {
        state.withLock { $0.openDescriptors += 1 }
        return descriptor
    }

    // The calls

    func openRoot(_ path: String) throws(SystemError) -> CInt {
        try step(.open)
        return opened(try real.openRoot(path))
    }

    func open(_ name: String, in folder: CInt, _ purpose: OpenPurpose) throws(SystemError) -> CInt {
        try step(.open)
        return opened(try real.open(name, in: folder, purpose))
    }

    /// Nothing: what fails there is opened in the ordinary way, which is where failures are told.
    func openIfCached(_ path: String, in folder: CInt) -> CInt? { nil }

    func close(_ descriptor: CInt) {
        state.withLock { $0.openDescriptors -= 1 }
        real.close(descriptor)
    }

    func write(
        _ descriptor: CInt, _ pieces: UnsafeBufferPointer<iovec>, at offset: Int64
    ) throws(SystemError) -> Int {
        try step(.write)
        let most = state.withLock { $0.mostBytesPerWrite }
        guard most < Int.max, var first = pieces.first(where: { $0.iov_len > 0 }) else {
            return try real.write(descriptor, pieces, at: offset)
        }
        first.iov_len = min(first.iov_len, most)
        return try withUnsafePointer(to: first) { (first) throws(SystemError) in
            try real.write(descriptor, UnsafeBufferPointer(start: first, count: 1), at: offset)
        }
    }

    func read(_ descriptor: CInt, _ into: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        try step(.read)
        return try real.read(descriptor, into, at: offset)
    }

    func truncate(_ descriptor: CInt, to size: Int64) throws(SystemError) {
        try step(.truncate)
        try real.truncate(descriptor, to: size)
    }

    func setMode(_ descriptor: CInt, _ mode: UInt32) throws(SystemError) {
        try step(.setMode)
        try real.setMode(descriptor, mode)
    }

    func status(_ descriptor: CInt) throws(SystemError) -> FileStatus {
        try step(.status)
        return try real.status(descriptor)
    }

    func status(of name: String, in folder: CInt) throws(SystemError) -> FileStatus {
        try step(.statusOfName)
        return try real.status(of: name, in: folder)
    }

    func names(in folder: CInt) throws(SystemError) -> [String] {
        try step(.list)
        return try real.names(in: folder)
    }

    func sync(_ descriptor: CInt) throws(SystemError) {
        try watchSync(descriptor, .sync)
        try real.sync(descriptor)
    }

    func syncData(_ descriptor: CInt) throws(SystemError) {
        try watchSync(descriptor, .syncData)
        try real.syncData(descriptor)
    }

    func syncAll(_ folder: CInt) throws(SystemError) {
        try step(.syncAll)
        try real.syncAll(folder)
    }

    func startWriteBack(
        _ descriptor: CInt, from offset: Int64, count: Int64, waiting: Bool
    ) throws(SystemError) {
        try step(.startWriteBack)
        try real.startWriteBack(descriptor, from: offset, count: count, waiting: waiting)
    }

    func rename(_ name: String, in folder: CInt, to newName: String, in newFolder: CInt) throws(SystemError) {
        try step(.rename)
        try real.rename(name, in: folder, to: newName, in: newFolder)
    }

    func unlink(_ name: String, in folder: CInt) throws(SystemError) {
        try step(.unlink)
        state.withLock { $0.beforeUnlink }?()
        try real.unlink(name, in: folder)
    }

    func makeFolder(_ name: String, in folder: CInt) throws(SystemError) {
        try step(.makeFolder)
        try real.makeFolder(name, in: folder)
    }

    func allocate(_ descriptor: CInt, size: Int64) throws(SystemError) {
        try step(.allocate)
        try real.allocate(descriptor, size: size)
    }

    func freeSpace(_ descriptor: CInt) throws(SystemError) -> Int64 {
        try step(.freeSpace)
        if let pretended = state.withLock({ $0.freeSpace }) { return pretended }
        return try real.freeSpace(descriptor)
    }

    func lock(_ descriptor: CInt) throws(SystemError) {
        try step(.lock)
        try real.lock(descriptor)
    }
}
