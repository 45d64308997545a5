import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The one place that turns a descriptor of somebody else's into what NIO's sendfile takes, and back.
///
/// NIO discourages `NIOFileHandle` because its owner is easily mistaken. Here it never owns: `owner` closes the
/// descriptor, and this object, held by each write until its promise completes, takes it back from NIO in the end.
/// One object a descriptor and response: a handle that is used twice at once fails with EBUSY.
final class SharedFile: Sendable {
    let descriptor: CInt
    private let handle: NIOFileHandle
    private let owners: [any AnyObject & Sendable]

    init(descriptor: CInt, owners: [any AnyObject & Sendable]) {
        self.descriptor = descriptor
        self.handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        self.owners = owners
    }

    deinit {
        // Fails only for a handle that was closed or is in use: neither is possible once no write refers to it.
        _ = try? handle.takeDescriptorOwnership()
    }

    func region(offset: Int64, length: Int) -> FileRegion {
        FileRegion(fileHandle: handle, readerIndex: Int(offset), endIndex: Int(offset) + length)
    }

    /// Whether the file reaches as far as `end`: sendfile waits for ever at the end of a file that does not.
    func reaches(_ end: Int64) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && Int64(status.st_size) >= end
    }

    /// Exactly `length` bytes, blocking. Throws `IOError`, or `ShortFile` at an early end.
    func read(offset: Int64, length: Int) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: length)
        while buffer.readableBytes < length {
            let missing = length - buffer.readableBytes
            let position = offset + Int64(buffer.readableBytes)
            let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { bytes in
                max(0, pread(descriptor, bytes.baseAddress, missing, off_t(position)))
            }
            guard count == 0 else { continue }
            throw ShortFile()
        }
        return buffer
    }

    /// Appends exactly `length` bytes of what the page cache holds, without ever waiting for a disk. False where that
    /// can't be done, with the buffer as it was: the file system can't tell, the bytes are not in memory, or not there.
    static func readCached(_ descriptor: CInt, _ offset: Int64, _ length: Int, into buffer: inout ByteBuffer) -> Bool {
        let start = buffer.writerIndex
        let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
            CachedReading.read(
                descriptor, at: offset, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<length]))
        }
        if count < length { buffer.moveWriterIndex(to: start) }
        return count == length
    }

    struct ShortFile: Error {}
}
