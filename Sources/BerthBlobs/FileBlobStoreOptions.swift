import NIOCore

/// Whether an acknowledgement waits for the disk.
package enum SyncMode: Sendable, Hashable {
    case always
    /// Nothing is synced: for throw-away stores that a crash may empty.
    case never
}

package struct FileBlobStoreOptions: Sendable, Hashable {
    package var sync: SyncMode
    /// Most files that are kept open for readers. At most a quarter of the process's limit is used, whatever this says.
    package var descriptorCache: Int
    /// Threads that hash and write, at least two.
    package var threads: Int
    /// Disk that a full file system gives back, in bytes; uploads need it whole. 0 for none.
    package var reserve: Int64

    package init(
        sync: SyncMode = .always,
        descriptorCache: Int = 4_096,
        threads: Int = System.coreCount,
        reserve: Int64 = 64 << 20
    ) {
        (self.sync, self.descriptorCache) = (sync, descriptorCache)
        (self.threads, self.reserve) = (threads, reserve)
    }
}
