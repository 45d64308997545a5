import Glibc

/// What tells one state of a file from the next: also a link that leads to another file, as certbot's and Kubernetes'
/// certificates are exchanged.
package struct FileStamp: Sendable, Hashable {
    private let numbers: [Int64]

    /// Of the file that `path` leads to; nil where there is none.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        numbers = [
            Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino), Int64(status.st_size),
            Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
            Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
        ]
    }
}
