#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The file of a Unix socket: whether its name is free, its permissions, its removal.
struct UnixSocketFile {
    let path: String
    let mode: UInt32

    private var address: ListenAddress { .unix(path: path, mode: mode) }

    /// Removes a socket that nobody serves any more. Throws if somebody does, or if it is no socket.
    func makeRoom() throws(ListenError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .failed(address, reason: Self.text(errno)) }
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        if try isServed() { throw .socketIsLive(path: path) }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .failed(address, reason: Self.text(errno))
        }
    }

    func setMode() throws(ListenError) {
        guard chmod(path, mode_t(mode)) == 0 else { throw .failed(address, reason: Self.text(errno)) }
    }

    func remove() { unlink(path) }

    private func isServed() throws(ListenError) -> Bool {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: name.sun_path) else {
            throw .failed(address, reason: "the path is too long")
        }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        #if canImport(Glibc)
        let kind = CInt(SOCK_STREAM.rawValue)
        #else
        let kind = SOCK_STREAM
        #endif
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw .failed(address, reason: Self.text(errno)) }
        defer { _ = close(descriptor) }
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // Anything but a refusal (a full backlog, say, or missing rights) means that somebody may be there.
        return result == 0 || errno != ECONNREFUSED
    }

    private static func text(_ number: CInt) -> String { String(cString: strerror(number)) }
}
