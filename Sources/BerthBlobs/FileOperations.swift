package import Glibc

/// The system calls of this room, and the only way in which it reaches a disk: tests put a failing one in between.
///
/// Calls that a signal interrupted are repeated below this line. All descriptors are closed on exec; names are single
/// path components below an open folder, and a symbolic link under the name is never followed.
package protocol FileOperations: Sendable {
    /// Opens the folder at `path`, which may lead through symbolic links: the root alone is opened so.
    func openRoot(_ path: String) throws(SystemError) -> CInt
    func open(_ name: String, in folder: CInt, _ purpose: OpenPurpose) throws(SystemError) -> CInt
    /// Opens the file at `path`, of several components, for reading, if that needs nothing but memory; nil otherwise,
    /// whatever the reason.
    func openIfCached(_ path: String, in folder: CInt) -> CInt?
    /// Errors of close are not told: what has to be known of a file, its sync has told before.
    func close(_ descriptor: CInt)

    /// Writes at `offset` and answers how many bytes, which may be fewer than asked for.
    func write(_ descriptor: CInt, _ pieces: UnsafeBufferPointer<iovec>, at offset: Int64) throws(SystemError) -> Int
    /// Reads at `offset` and answers how many bytes; 0 at the end.
    func read(_ descriptor: CInt, _ into: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError) -> Int
    func truncate(_ descriptor: CInt, to size: Int64) throws(SystemError)
    func setMode(_ descriptor: CInt, _ mode: UInt32) throws(SystemError)

    func status(_ descriptor: CInt) throws(SystemError) -> FileStatus
    func status(of name: String, in folder: CInt) throws(SystemError) -> FileStatus
    func names(in folder: CInt) throws(SystemError) -> [String]

    /// What the time that syncs take is measured by.
    var now: ContinuousClock.Instant { get }

    func sync(_ descriptor: CInt) throws(SystemError)
    func syncData(_ descriptor: CInt) throws(SystemError)
    /// Syncs all files and folders of the file system that the open folder is on.
    func syncAll(_ folder: CInt) throws(SystemError)
    /// Starts to write the range back and, if `waiting`, first waits for a write-back of it that runs already.
    func startWriteBack(
        _ descriptor: CInt, from offset: Int64, count: Int64, waiting: Bool
    ) throws(SystemError)

    func rename(_ name: String, in folder: CInt, to newName: String, in newFolder: CInt) throws(SystemError)
    func unlink(_ name: String, in folder: CInt) throws(SystemError)
    /// Makes a folder of mode 0700.
    func makeFolder(_ name: String, in folder: CInt) throws(SystemError)

    /// Gives the file `size` bytes of disk.
    func allocate(_ descriptor: CInt, size: Int64) throws(SystemError)
    /// Bytes that this process may still write to the file system.
    func freeSpace(_ descriptor: CInt) throws(SystemError) -> Int64
    /// Locks the file for this open descriptor alone; `.wouldBlock` if somebody else holds it.
    func lock(_ descriptor: CInt) throws(SystemError)
}

package enum OpenPurpose: Sendable {
    /// Reading a file. A FIFO does not make it wait.
    case reading
    /// Writing and reading a file that is there.
    case writing
    /// A new file of mode 0600; `.alreadyThere` if the name is taken.
    case creating
    /// A new file of mode 0400 that this descriptor alone can write; `.alreadyThere` if the name is taken.
    case creatingSealed
    /// A file that is there, or a new one of mode 0600.
    case writingOrCreating
    /// A folder, to find names in it and to sync it.
    case folder
}

package struct FileStatus: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case regular, folder, other }

    package let kind: Kind
    /// In bytes.
    package let size: Int64
    /// Bytes of disk that the file takes.
    package let allocated: Int64
    package let owner: UInt32
    /// Permission bits alone.
    package let mode: UInt32
    package let device: UInt64
    package let inode: UInt64
    /// Names of the file; 0 when it has been removed.
    package let links: Int
    /// Of the last write, in seconds since 1970.
    package let modifiedSeconds: Int64
}
