import Glibc

/// A system call that failed.
package struct SystemError: Error, Hashable, Sendable {
    package let call: SystemCall
    package let errno: ErrorNumber

    package init(_ call: SystemCall, _ errno: ErrorNumber) {
        (self.call, self.errno) = (call, errno)
    }
}

/// The calls that the store makes. The raw value is the name that strace shows.
package enum SystemCall: String, CaseIterable, Sendable {
    case open = "openat"
    case write = "pwritev"
    case read = "pread64"
    case status = "fstat"
    case statusOfName = "newfstatat"
    case sync = "fsync"
    case syncData = "fdatasync"
    case syncAll = "syncfs"
    case startWriteBack = "sync_file_range"
    case rename = "renameat"
    case unlink = "unlinkat"
    case makeFolder = "mkdirat"
    case truncate = "ftruncate"
    case setMode = "fchmod"
    case allocate = "fallocate"
    case freeSpace = "fstatfs"
    case list = "getdents64"
    case lock = "flock"
}

/// A value of `errno`.
package struct ErrorNumber: Hashable, Sendable, CustomStringConvertible {
    package let code: Int32

    package init(_ code: Int32) { self.code = code }

    package static let notThere = ErrorNumber(ENOENT)
    package static let noFolder = ErrorNumber(ENOTDIR)
    package static let alreadyThere = ErrorNumber(EEXIST)
    package static let symbolicLink = ErrorNumber(ELOOP)
    package static let noDevice = ErrorNumber(ENXIO)
    package static let isFolder = ErrorNumber(EISDIR)
    package static let noSpaceLeft = ErrorNumber(ENOSPC)
    package static let quotaExceeded = ErrorNumber(EDQUOT)
    package static let fileTooLarge = ErrorNumber(EFBIG)
    package static let inputOutput = ErrorNumber(EIO)
    package static let tooManyOpen = ErrorNumber(EMFILE)
    package static let wouldBlock = ErrorNumber(EWOULDBLOCK)
    package static let stale = ErrorNumber(ESTALE)
    package static let cancelled = ErrorNumber(ECANCELED)
    package static let invalid = ErrorNumber(EINVAL)
    package static let unsupported = ErrorNumber(EOPNOTSUPP)
    package static let notImplemented = ErrorNumber(ENOSYS)
    package static let notSeekable = ErrorNumber(ESPIPE)
    package static let interrupted = ErrorNumber(EINTR)
    package static let accessDenied = ErrorNumber(EACCES)
    package static let readOnly = ErrorNumber(EROFS)

    /// The system's words, as in "No space left on device".
    package var description: String {
        var text = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
