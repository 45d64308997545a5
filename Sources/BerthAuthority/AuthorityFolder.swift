package import Foundation
import Glibc

/// A folder with a local authority, the certificate that it has issued to this server, and a copy of the authority's
/// certificate for clients. Each file is exchanged whole; only its owner may read them.
package struct AuthorityFolder: Sendable {
    /// A certificate with fewer days left is made anew.
    private static let serverRenewal = 30 * LocalAuthority.day
    /// An authority with fewer days left is: its last certificates would be too short.
    private static let authorityRenewal = 60 * LocalAuthority.day

    private let path: String
    /// What clients have to know, in PEM form.
    package var clientFile: String { path + "/ca.crt" }
    /// The server's certificate and key, in PEM form.
    package var serverFile: String { path + "/server.pem" }
    private var authorityFile: String { path + "/authority.pem" }

    package init(path: String) { self.path = path }

    /// What `prepare` had to do.
    package struct Outcome: Sendable, Equatable {
        /// Clients that know an earlier authority do not know this one.
        package let isNewAuthority: Bool
        package let isNewServer: Bool
        /// When the server's certificate ends.
        package let expires: Date
    }

    /// Sees to it that the folder holds an authority and a certificate for all of `names`, both good for a while longer.
    /// What is there and fits stays. Blocks, for a few milliseconds.
    package func prepare(names: [ServerName], now: Date = Date()) throws(AuthorityError) -> Outcome {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .file(path: path, reason: Self.reason) }
        let known = try authority(now)
        let authority: LocalAuthority
        if let known {
            authority = known
        } else {
            authority = try LocalAuthority.make(now: now)
            try write(authority.identity.pem(), to: authorityFile)
        }
        let forClients = try authority.identity.certificatePEM()
        if try read(clientFile) != forClients { try write(forClients, to: clientFile) }
        if let server = try read(serverFile).flatMap({ Identity(pem: $0) }), authority.hasIssued(server),
            server.lasts(Self.serverRenewal, from: now), server.names.isSuperset(of: names)
        {
            return Outcome(
                isNewAuthority: known == nil, isNewServer: false, expires: server.expires)
        }
        let server = try authority.issue(for: names, now: now)
        try write(server.pem(), to: serverFile)
        return Outcome(isNewAuthority: known == nil, isNewServer: true, expires: server.expires)
    }

    /// Nil where there is none, or its time is nearly over.
    private func authority(_ now: Date) throws(AuthorityError) -> LocalAuthority? {
        guard let pem = try read(authorityFile) else { return nil }
        guard let identity = Identity(pem: pem) else { throw .unreadable(path: authorityFile) }
        guard identity.expires >= now.addingTimeInterval(Self.authorityRenewal) else { return nil }
        return LocalAuthority(identity: identity)
    }

    // MARK: - Files

    /// Nil where there is no file.
    private func read(_ path: String) throws(AuthorityError) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            guard errno == ENOENT else { throw .file(path: path, reason: Self.reason) }
            return nil
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw .file(path: path, reason: Self.reason) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Whole or not at all: written beside, synced, and renamed.
    private func write(_ text: String, to path: String) throws(AuthorityError) {
        let temporary = path + ".new"
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw .file(path: temporary, reason: Self.reason) }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0, rename(temporary, path) == 0
        else { throw .file(path: path, reason: Self.reason) }
        let folder = open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .file(path: self.path, reason: Self.reason) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw .file(path: self.path, reason: Self.reason) }
    }

    private static var reason: String { strerror(errno).map { String(cString: $0) } ?? "errno \(errno)" }
}
