import Glibc
import GRDBSQLite

/// Puts together what SQLite writes to its write-ahead log: each page and each page's header by a call of its own, some
/// forty for a small image. They are written by one call, before anything that could tell the difference: a sync, a read,
/// a change of the file's length.
///
/// So it is for a log that is synced before others may read it (`synchronous=FULL`). A write that fails then is told by the
/// call that follows, at the latest by the sync that would have made it count.
struct GatheredWrites {
    /// Bytes that are put together at most: SQLite's own files leave out the higher bits of a write's length.
    static let capacity = (1 << 17) - 1

    /// What stands in place of the file's own methods. The table comes first: SQLite knows no more of it.
    private struct Methods {
        var table: sqlite3_io_methods
        let own: UnsafePointer<sqlite3_io_methods>
        let bytes: UnsafeMutableRawPointer
        var start: Int64 = 0
        var count = 0
    }
    private typealias File = UnsafeMutablePointer<sqlite3_file>

    /// Takes over the write-ahead log of a connection that has it open. False: there is none.
    static func begin(_ connection: OpaquePointer) -> Bool {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK, let file
        else { return false }
        return begin(file)
    }

    /// Takes over an open file, until it is closed.
    static func begin(_ file: UnsafeMutablePointer<sqlite3_file>) -> Bool {
        guard let own = file.pointee.pMethods else { return false }
        var table = own.pointee
        table.xClose = { file in GatheredWrites.close(file) }
        table.xRead = { file, bytes, count, offset in
            GatheredWrites.written(file) { $0.xRead(file, bytes, count, offset) }
        }
        table.xWrite = { file, bytes, count, offset in GatheredWrites.write(file, bytes, Int(count), offset) }
        table.xTruncate = { file, size in GatheredWrites.written(file) { $0.xTruncate(file, size) } }
        table.xSync = { file, flags in GatheredWrites.written(file) { $0.xSync(file, flags) } }
        table.xFileSize = { file, size in GatheredWrites.written(file) { $0.xFileSize(file, size) } }
        table.xFileControl = { file, code, argument in
            GatheredWrites.written(file) { $0.xFileControl(file, code, argument) }
        }
        let methods = UnsafeMutablePointer<Methods>.allocate(capacity: 1)
        methods.initialize(
            to: Methods(table: table, own: own, bytes: .allocate(byteCount: capacity, alignment: 16)))
        file.pointee.pMethods = UnsafeRawPointer(methods).assumingMemoryBound(to: sqlite3_io_methods.self)
        return true
    }

    private static func methods(_ file: File) -> UnsafeMutablePointer<Methods> {
        UnsafeMutableRawPointer(mutating: file.pointee.pMethods).assumingMemoryBound(to: Methods.self)
    }

    private static func write(
        _ file: File?, _ bytes: UnsafeRawPointer?, _ count: Int, _ offset: Int64
    ) -> CInt {
        guard let file, let bytes else { return SQLITE_MISUSE }
        let methods = methods(file)
        let follows = offset == methods.pointee.start + Int64(methods.pointee.count)
        if !follows || methods.pointee.count + count > capacity {
            let code = writeGathered(file)
            guard code == SQLITE_OK else { return code }
            methods.pointee.start = offset
        }
        guard count <= capacity else { return methods.pointee.own.pointee.xWrite(file, bytes, CInt(count), offset) }
        (methods.pointee.bytes + methods.pointee.count).copyMemory(from: bytes, byteCount: count)
        methods.pointee.count += count
        return SQLITE_OK
    }

    /// What could not be written is forgotten: SQLite takes the transaction back, and writes over its place.
    private static func writeGathered(_ file: File) -> CInt {
        let methods = methods(file)
        let count = methods.pointee.count
        guard count > 0 else { return SQLITE_OK }
        methods.pointee.count = 0
        defer { methods.pointee.start += Int64(count) }
        return methods.pointee.own.pointee.xWrite(file, methods.pointee.bytes, CInt(count), methods.pointee.start)
    }

    /// Another call, once everything is written. Where it can't be, what fails is a write whose pages SQLite has counted as
    /// written already: the whole transaction has to go. After an I/O error it does; after SQLITE_FULL told by a read only
    /// the statement would (sqlite3VdbeHalt), and COMMIT would leave a hole in the log.
    private static func written(_ file: File?, _ call: (sqlite3_io_methods) -> CInt) -> CInt {
        guard let file else { return SQLITE_MISUSE }
        let code = writeGathered(file)
        if code == SQLITE_OK { return call(methods(file).pointee.own.pointee) }
        guard code & 0xFF == SQLITE_FULL else { return code }
        errno = ENOSPC
        return failedWrite
    }
    /// SQLITE_IOERR_WRITE, a macro that Swift does not see.
    static let failedWrite = SQLITE_IOERR | 3 << 8

    private static func close(_ file: File?) -> CInt {
        guard let file else { return SQLITE_MISUSE }
        let code = writeGathered(file)
        let methods = methods(file)
        let own = methods.pointee.own
        file.pointee.pMethods = own
        methods.pointee.bytes.deallocate()
        methods.deallocate()
        let closing = own.pointee.xClose(file)
        return code == SQLITE_OK ? closing : code
    }
}
