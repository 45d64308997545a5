import NIOSSL
import Synchronization

/// The certificates that new connections get, and how they are read again. Read first by the server's start.
package final class Certificates: Sendable {
    package let files: TLSConfiguration
    private let state = Mutex(State())

    private struct State {
        var loaded: LoadedCertificates?
        /// Goes up when clients' certificates that were good may be so no more.
        var trust = 0
        /// The files at the last look, and at the last attempt to read them.
        var seen: [FileStamp?] = []
        var tried: [FileStamp?] = []
    }

    package init(_ files: TLSConfiguration) { self.files = files }

    /// Whether one of the certificates is for this host: a DNS name, or an address without brackets.
    package func cover(_ host: String) -> Bool { state.withLock { $0.loaded }?.names.cover(host) ?? false }

    /// The file whose certificate ends first, and when, in seconds since 1970; nil before anything was read.
    package var firstEnd: (file: String, seconds: Int64)? { state.withLock { $0.loaded }?.firstEnd }

    /// What the next connection is made with; nil before anything was read.
    var terms: TLSTerms? {
        state.withLock { state in
            guard let loaded = state.loaded else { return nil }
            return TLSTerms(
                context: loaded.context, trust: state.trust, asksClients: files.clientAuthorityFile != nil)
        }
    }

    /// Whether what was good in a handshake on these terms still is.
    func isTrusted(_ terms: TLSTerms) -> Bool { state.withLock { $0.trust } == terms.trust }

    /// Reads all files. Running connections keep the old certificate; if this throws, new ones do as well.
    ///
    /// - Returns: whether an authority of clients is gone, so that what they have shown counts no more.
    func load() throws(ListenError) -> Bool {
        let stamps = self.stamps
        state.withLock { $0.tried = stamps }
        let fresh = try LoadedCertificates(files)
        return state.withLock { state in
            let wasNarrowed = state.loaded.map { !$0.clientAuthorities.isSubset(of: fresh.clientAuthorities) } ?? false
            if wasNarrowed { state.trust += 1 }
            state.loaded = fresh
            return wasNarrowed
        }
    }

    /// Whether the files are others than at the last attempt, and have been for two looks: who writes a pair is given the
    /// time between two looks to write both.
    var haveChanged: Bool {
        let stamps = self.stamps
        return state.withLock { state in
            defer { state.seen = stamps }
            return stamps != state.tried && stamps == state.seen
        }
    }

    private var stamps: [FileStamp?] {
        var paths = files.pairs.flatMap { [$0.certificateFile, $0.keyFile] }
        if let file = files.clientAuthorityFile { paths.append(file) }
        return paths.map { FileStamp($0) }
    }
}

/// What a connection is made with.
struct TLSTerms: Sendable {
    let context: NIOSSLContext
    let trust: Int
    let asksClients: Bool
}
