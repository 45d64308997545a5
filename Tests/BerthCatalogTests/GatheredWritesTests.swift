import Glibc
import GRDBSQLite
import Testing

@testable import BerthCatalog

@Suite("Writes of the log, put together")
struct GatheredWritesTests {
    @Test("pieces that follow each other are written at once, before a sync")
    func together() {
        let file = RecordingFile()
        var expected: [UInt8] = []
        for number in 0..<30 {
            let piece = [UInt8](repeating: UInt8(number), count: number % 2 == 0 ? 24 : 4_096)
            #expect(file.write(piece, at: expected.count) == SQLITE_OK)
            expected += piece
        }
        #expect(file.calls == [])
        #expect(file.sync() == SQLITE_OK)
        #expect(file.calls == [.write(0, expected.count), .sync])
        #expect(file.bytes == expected)
        #expect(file.sync() == SQLITE_OK)
        #expect(file.calls.suffix(1) == [.sync], "nothing is written twice")
    }

    @Test("a piece elsewhere begins anew, also one that writes over what was put together before")
    func elsewhere() {
        let file = RecordingFile()
        _ = file.write([1, 1, 1, 1], at: 0)
        _ = file.write([2, 2], at: 2)
        _ = file.write([3], at: 9)
        #expect(file.sync() == SQLITE_OK)
        #expect(file.calls == [.write(0, 4), .write(2, 2), .write(9, 1), .sync])
        #expect(file.bytes == [1, 1, 2, 2, 0, 0, 0, 0, 0, 3])
    }

    @Test(
        "no call of the file's own is longer than it can be, and nothing is left out", arguments: [1, 4_096, 131_071])
    func bounds(size: Int) {
        let file = RecordingFile()
        let piece = [UInt8](repeating: 7, count: size)
        let count = 3 * GatheredWrites.capacity / size + 3
        for number in 0..<count { #expect(file.write(piece, at: number * size) == SQLITE_OK) }
        #expect(file.sync() == SQLITE_OK)
        #expect(file.longestWrite <= 0x1FFFF)
        #expect(file.bytes.count == count * size && file.bytes.allSatisfy { $0 == 7 })
    }

    @Test("whoever reads, measures, shortens or closes the file finds all of it")
    func seen() {
        for act in [RecordingFile.read, RecordingFile.size, RecordingFile.truncate, RecordingFile.control] {
            let file = RecordingFile()
            _ = file.write([5, 6], at: 0)
            #expect(act(file)() == SQLITE_OK)
            #expect(file.calls.first == .write(0, 2))
            #expect(file.bytes.first == 5)
        }
        let file = RecordingFile()
        _ = file.write([5, 6], at: 0)
        #expect(file.close() == SQLITE_OK)
        #expect(file.calls == [.write(0, 2), .close])
        #expect(file.isItself)
    }

    @Test("where a full disk is told by a read, it is an I/O error: the transaction goes, not the statement alone")
    func fullAtRead() {
        let file = RecordingFile()
        file.failure = SQLITE_FULL
        _ = file.write([1, 2], at: 0)
        #expect(file.read() == GatheredWrites.failedWrite)
        #expect(errno == ENOSPC)
        #expect(file.calls == [.write(0, 2)])
    }

    @Test("a write that fails is told by the sync, which then does not happen; the next commit writes over it")
    func failure() {
        let file = RecordingFile()
        file.failure = SQLITE_FULL
        _ = file.write([1, 2], at: 0)
        #expect(file.sync() == GatheredWrites.failedWrite)
        #expect(file.calls == [.write(0, 2)])
        file.failure = SQLITE_OK
        _ = file.write([3, 4], at: 0)
        #expect(file.sync() == SQLITE_OK)
        #expect(file.bytes == [3, 4])
    }
}

/// A file of SQLite's in memory, which notes what is asked of it.
private final class RecordingFile {
    enum Call: Equatable {
        case write(Int, Int)
        case sync, read, size, truncate, control, close
    }
    struct Memory {
        var file: sqlite3_file
        let owner: Unmanaged<RecordingFile>
    }

    var calls: [Call] = []
    var bytes: [UInt8] = []
    var failure = SQLITE_OK
    private let memory = UnsafeMutablePointer<Memory>.allocate(capacity: 1)
    private let own = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    private var file: UnsafeMutablePointer<sqlite3_file> {
        UnsafeMutableRawPointer(memory).assumingMemoryBound(to: sqlite3_file.self)
    }
    private var methods: sqlite3_io_methods { file.pointee.pMethods.pointee }

    init() {
        var table = sqlite3_io_methods()
        table.iVersion = 3
        table.xWrite = { file, bytes, count, offset in
            RecordingFile.of(file).note(bytes, Int(count), at: Int(offset))
        }
        table.xSync = { file, _ in RecordingFile.of(file).note(.sync) }
        table.xRead = { file, _, _, _ in RecordingFile.of(file).note(.read) }
        table.xFileSize = { file, _ in RecordingFile.of(file).note(.size) }
        table.xTruncate = { file, _ in RecordingFile.of(file).note(.truncate) }
        table.xFileControl = { file, _, _ in RecordingFile.of(file).note(.control) }
        table.xClose = { file in RecordingFile.of(file).note(.close) }
        own.initialize(to: table)
        memory.initialize(to: Memory(file: sqlite3_file(pMethods: own), owner: .passUnretained(self)))
        #expect(GatheredWrites.begin(file))
    }

    deinit {
        if !isItself { _ = close() }
        memory.deallocate()
        own.deallocate()
    }

    private static func of(_ file: UnsafeMutablePointer<sqlite3_file>?) -> RecordingFile {
        UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Memory.self).pointee.owner.takeUnretainedValue()
    }

    private func note(_ call: Call) -> CInt {
        calls.append(call)
        return SQLITE_OK
    }
    private func note(_ new: UnsafeRawPointer?, _ count: Int, at offset: Int) -> CInt {
        calls.append(.write(offset, count))
        guard failure == SQLITE_OK else { return failure }
        if bytes.count < offset + count { bytes += [UInt8](repeating: 0, count: offset + count - bytes.count) }
        let written = UnsafeRawBufferPointer(start: new, count: count)
        bytes.replaceSubrange(offset..<(offset + count), with: written)
        return SQLITE_OK
    }

    var isItself: Bool { file.pointee.pMethods == UnsafePointer(own) }
    var longestWrite: Int {
        calls.map { call in if case .write(_, let count) = call { count } else { 0 } }.max() ?? 0
    }
    func write(_ piece: [UInt8], at offset: Int) -> CInt {
        piece.withUnsafeBytes { methods.xWrite(file, $0.baseAddress, CInt($0.count), Int64(offset)) }
    }
    func sync() -> CInt { methods.xSync(file, 0) }
    func read() -> CInt {
        var byte: UInt8 = 0
        return methods.xRead(file, &byte, 1, 0)
    }
    func size() -> CInt {
        var size: Int64 = 0
        return methods.xFileSize(file, &size)
    }
    func truncate() -> CInt { methods.xTruncate(file, 1) }
    func control() -> CInt { methods.xFileControl(file, 0, nil) }
    func close() -> CInt { methods.xClose(file) }
}
