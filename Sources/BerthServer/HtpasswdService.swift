import BerthAccess
import BerthHTTP
import Glibc
import Logging
import ServiceLifecycle

/// `access.htpasswd`: a file with the users, read at the start and again when it changes.
struct Htpasswd: Sendable {
    let path: String
    let access: Access
    let log: Logger

    /// Makes its users those of the registry. Throws where it cannot be read, and leaves all as it is.
    func load() async throws(StartError) {
        let change: HtpasswdChange
        do throws(AccessError) { change = try await access.apply(try HtpasswdFile(read())) } catch {
            throw .htpasswd(path: path, error.message)
        }
        for name in change.others {
            log.warning(
                "a user of the htpasswd file was made by a command, and stays as he is", metadata: ["user": "\(name)"])
        }
        guard !change.isNothing else { return }
        log.notice(
            "users taken from the htpasswd file",
            metadata: ["added": "\(change.added)", "changed": "\(change.changed)", "gone": "\(change.gone)"])
    }

    /// The configuration names no file. Tells so where it did before.
    static func end(_ access: Access, _ log: Logger) async throws {
        guard let end = try await access.endHtpasswd() else { return }
        log.warning(
            "access.htpasswd is not set any more: its users keep their last password, and who was gone stays disabled",
            metadata: ["kept": "\(end.kept)", "disabled": "\(end.disabled)"])
    }

    private static let longest = 4 << 20

    private func read() throws(AccessError) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .invalid("it cannot be opened") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Self.longest + 1)
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            guard more >= 0 else { throw .invalid("it cannot be read") }
            if more == 0 { break }
            count += more
        }
        guard count <= Self.longest else { throw .invalid("it is longer than 4 MiB") }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else { throw .invalid("it is not UTF-8") }
        return text
    }
}

/// Takes over what a changed file says, once it has been the same for two looks.
struct HtpasswdService: Service {
    let htpasswd: Htpasswd?
    private static let pause = Duration.seconds(2)

    func run() async throws {
        guard let htpasswd else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            // It was read at the start, a moment ago: whatever it is now is taken once more.
            var (seen, taken): (FileStamp?, FileStamp?) = (nil, nil)
            var isFirst = true
            while (try? await Task.sleep(for: Self.pause)) != nil {
                let now = FileStamp(htpasswd.path)
                defer { seen = now }
                guard isFirst || now != taken, now == seen else { continue }
                (taken, isFirst) = (now, false)
                do throws(StartError) { try await htpasswd.load() } catch {
                    htpasswd.log.error("the htpasswd file was not taken over", metadata: ["cause": "\(error)"])
                }
            }
        }
    }
}
