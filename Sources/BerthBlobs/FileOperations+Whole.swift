import BerthDigest
import BerthModel
import Glibc
import NIOCore

extension FileOperations {
    /// Writes all of `pieces`, however many calls that takes.
    func writeAll(_ descriptor: CInt, _ pieces: [iovec], at offset: Int64) throws(SystemError) {
        var rest = pieces[...]
        var offset = offset
        while !rest.isEmpty {
            let count = try rest.prefix(mostPieces).withUnsafeBufferPointer { (some) throws(SystemError) -> Int in
                try write(descriptor, some, at: offset)
            }
            guard count > 0 else { throw SystemError(.write, .inputOutput) }
            offset += Int64(count)
            rest.removeBytes(count)
        }
    }

    func writeAll(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        guard bytes.count > 0 else { return }
        let piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        try writeAll(descriptor, [piece], at: offset)
    }

    func writeAll(_ descriptor: CInt, _ bytes: [UInt8], at offset: Int64) throws(SystemError) {
        try bytes.withUnsafeBufferPointer { (bytes) throws(SystemError) in
            try writeAll(descriptor, UnsafeRawBufferPointer(bytes), at: offset)
        }
    }

    /// `count` bytes from the start of the file, or fewer if it has fewer.
    func readAll(_ descriptor: CInt, count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(SystemError) in
            try readAll(descriptor, UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        bytes.removeLast(count - read)
        return bytes
    }

    /// Appends `count` bytes from the start of the file, or fewer if it has fewer, and answers how many.
    func readAll(_ descriptor: CInt, count: Int, into bytes: inout ByteBuffer) throws(SystemError) -> Int {
        var outcome = Result<Int, SystemError>.success(0)
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { buffer in
            outcome = Result { () throws(SystemError) in
                try readAll(descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: 0)
            }
            return (try? outcome.get()) ?? 0
        }
        return try outcome.get()
    }

    /// Fills `buffer` from `offset`, or up to the end of the file, and answers how many bytes that were.
    func readAll(
        _ descriptor: CInt, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try read(descriptor, rest, at: offset + Int64(done))
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// The digest of the first `size` bytes, read once; `each` sees every piece with its offset.
    /// `.inputOutput` if the file is shorter.
    func hash(
        _ descriptor: CInt, size: Int64, _ algorithm: Digest.Algorithm,
        each: (UnsafeRawBufferPointer, Int64) throws(SystemError) -> Void
    ) throws(SystemError) -> Digest {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4_096)
        defer { buffer.deallocate() }
        do {
            var hasher = try ContentHasher(algorithm)
            var offset: Int64 = 0
            while offset < size {
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(size - offset, 256 << 10))])
                guard try readAll(descriptor, part, at: offset) == part.count else {
                    throw SystemError(.read, .inputOutput)
                }
                try hasher.update(UnsafeRawBufferPointer(part))
                try each(UnsafeRawBufferPointer(part), offset)
                offset += Int64(part.count)
            }
            return try hasher.finish()
        } catch let error as SystemError {
            throw error
        } catch { throw SystemError(.read, .inputOutput) }
    }
}

/// IOV_MAX of Linux: more pieces in one call are refused.
private let mostPieces = 1_024

extension ArraySlice<iovec> {
    /// Drops the first `count` bytes.
    fileprivate mutating func removeBytes(_ count: Int) {
        var count = count
        while count > 0, let first {
            guard first.iov_len <= count else {
                self[startIndex] = iovec(iov_base: first.iov_base + count, iov_len: first.iov_len - count)
                return
            }
            count -= first.iov_len
            removeFirst()
        }
    }
}

/// The memory of some buffers, held for as long as this lives: neither copied nor moved.
struct HeldBytes: ~Copyable {
    private(set) var pieces: [iovec] = []
    private var owners: [Unmanaged<AnyObject>] = []

    init(_ buffers: [ByteBuffer]) {
        pieces.reserveCapacity(buffers.count)
        owners.reserveCapacity(buffers.count)
        for buffer in buffers where buffer.readableBytes > 0 {
            buffer.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
                let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                pieces.append(iovec(iov_base: start, iov_len: bytes.count))
                owners.append(storage.retain())
            }
        }
    }

    deinit { for owner in owners { owner.release() } }

    func hash(into hasher: inout ContentHasher) throws(HashError) {
        for piece in pieces { try hasher.update(UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len)) }
    }
}
