import BerthDigest
package import BerthModel
import Glibc

/// Why the store did not do what it was asked.
package enum BlobError: Error, Hashable, Sendable {
    /// No regular file of that size under that name (B9: 404).
    case absent
    /// The disk or a quota is full, or the free space is below the reserve: 507.
    case noSpace
    /// A failed fsync, or a file that is not what was written: this upload cannot go on (B6). `discard` forgets it.
    case dead(UploadID)
    /// EIO, EMFILE, EROFS and all else: 503. `operation` is the name of the system call.
    case failed(operation: String, errno: Int32)

    init(_ error: HashError) {
        switch error {
        case .outOfMemory: self = .failed(operation: "libcrypto", errno: ENOMEM)
        case .unavailable: self = .failed(operation: "libcrypto", errno: ENOSYS)
        case .failed: self = .failed(operation: "libcrypto", errno: EINVAL)
        }
    }

    init(_ error: SystemError) {
        switch error.errno {
        case .noSpaceLeft, .quotaExceeded, .fileTooLarge: self = .noSpace
        default: self = .failed(operation: error.call.rawValue, errno: error.errno.code)
        }
    }
}
