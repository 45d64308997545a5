import CLinux
import Foundation
import Glibc

/// Files and folders, with errors in words.
enum Files {
    static func makeFolder(_ path: String) throws {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw failure(path)
        }
        try makeFolder(String(path[..<slash]))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure(path) }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try bytes.withUnsafeBufferPointer { buffer in
            try writing(path) { file in
                guard Glibc.write(file, buffer.baseAddress, buffer.count) == buffer.count else { throw failure(path) }
            }
        }
    }

    static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    static func write(_ content: Content, to path: String) throws {
        try writing(path) { file in
            var left = content.prefixBytes
            while left > 0 {
                let length = min(left, Pattern.bytes)
                guard Glibc.write(file, Pattern.base, length) == length else { throw failure(path) }
                left -= length
            }
            try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Content.tailBytes) { tail in
                guard let base = tail.baseAddress else { return }
                content.writeTail(to: base)
                guard Glibc.write(file, base, tail.count) == tail.count else { throw failure(path) }
            }
        }
    }

    private static func writing(_ path: String, _ body: (Int32) throws -> Void) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw failure(path) }
        defer { close(file) }
        try body(file)
    }

    /// The text of a file; empty if there is none. For files of procfs as well, whose size is not known before.
    static func text(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress?.advanced(by: count), $0.count - count) }
            guard got > 0 else { break }
            count += got
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

    /// Flushes everything on the file system of `path`.
    static func flush(_ path: String) {
        let folder = open(path, O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { return }
        syncfs(folder)
        close(folder)
    }

    private static let forgetting = "/proc/sys/vm/drop_caches"
    static var canForget: Bool { access(forgetting, W_OK) == 0 }

    /// Has the kernel forget all files and names that are on the disk.
    static func forget() throws {
        sync()
        let file = open(forgetting, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure(forgetting) }
        defer { close(file) }
        guard Glibc.write(file, "3", 1) == 1 else { throw failure(forgetting) }
    }

    /// Reads all files below a folder, so that the kernel has them in memory.
    static func readAll(below folder: String) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        let names = FileManager.default.enumerator(atPath: folder)
        while let name = names?.nextObject() as? String {
            let file = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard file >= 0 else { continue }
            while read(file, buffer.baseAddress, buffer.count) > 0 {}
            close(file)
        }
    }

    /// Where this program is, with the other programs of the package.
    static let ownFolder: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? 0
        }
        let path = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }()

    static func failure(_ path: String) -> BenchError { BenchError("\(path): \(String(cString: strerror(errno)))") }
}
