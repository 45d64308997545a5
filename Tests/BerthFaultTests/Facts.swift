import BerthDigest
import BerthModel
import BerthTestSupport
import Foundation
import Synchronization
import Testing

/// What a test was told by the server, and what it asked for without an answer. After any fault each thing has to be as
/// acknowledged last, or as a later request without an answer would have made it; and what one request asked for is there
/// as a whole or not at all.
///
/// Where the server collects, content that no manifest holds may go when its lease has run out, and no earlier.
final class Facts: Sendable {
    enum Key: Hashable, Sendable {
        case blob(repository: String, digest: String)
        case manifest(repository: String, digest: String)
        case tag(repository: String, name: String)
        /// `"here"`, or nil where it was deleted.
        case repository(String)

        var repository: String {
            switch self {
            case .blob(let repository, _), .manifest(let repository, _), .tag(let repository, _): repository
            case .repository(let name): name
            }
        }
    }

    /// A server that collects.
    struct Collecting: Sendable {
        let lease: Duration
        let window: Duration
        /// Whose administrator is asked for repositories and histories.
        let root: String

        func administrator() throws -> TestConnection { try TestConnection(path: "\(root)/run/admin.sock") }
    }

    /// What one process had promised holds for the first lease of the next.
    struct Restart: Sendable {
        let died: ContinuousClock.Instant
        /// Before the next one began.
        let started: ContinuousClock.Instant
    }

    /// What a request does to time and history.
    enum Kind: Sendable {
        /// It begins leases, and tags note it.
        case change
        /// What people have deleted comes back, and tags note it. Nobody was told that he may rely on it: no lease begins.
        case restore
        /// Things go, or come back, just as they were.
        case move

        var beginsLeases: Bool { self == .change }
        var isNoted: Bool { self != .move }
    }

    /// An upload that is not finished: bytes acknowledged, and bytes sent after them without an answer.
    struct OpenUpload: Sendable {
        let repository: String
        var location: String
        var acknowledged: [UInt8]
        var sent: [UInt8]
        /// The closing request was sent, and not answered.
        var isClosing = false
    }

    /// A value is the digest of the manifest for a tag, `"here"` for content, and nil where there is nothing.
    struct Cell {
        var acknowledged: String?
        var possible: [String?] = []
        /// When the request was sent that began its lease.
        var leased: ContinuousClock.Instant?
        /// How often it was looked for and was not there.
        var absences = 0
    }
    /// A request without an answer: what was, and what would be.
    struct Wish {
        let changes: [(key: Key, old: String?, new: String?)]
    }
    struct State {
        var cells: [Key: Cell] = [:]
        var uploads: [String: OpenUpload] = [:]
        var acknowledgements = 0
        var unanswered: [Wish] = []
        /// Digests that a manifest names.
        var parts: [Key: Set<String>] = [:]
        var histories: [Key: History] = [:]
        /// By what was asked to be purged: manifests that go with it, and whether that was acknowledged.
        var purges: [String: (manifests: Set<String>, isSure: Bool)] = [:]
        /// What follows these facts at the moment.
        var marks: [Facts] = []
    }
    let state = Mutex(State())
    /// Nil: nothing is collected.
    let collecting: Collecting?

    init(_ collecting: Collecting? = nil) { self.collecting = collecting }

    /// Effects that were acknowledged so far.
    var acknowledgements: Int { state.withLock(\.acknowledgements) }

    /// Sends a request that changes something and notes what its answer says. An answer of 4xx has changed nothing; any
    /// other failure, or none at all, leaves open what has happened.
    func change(
        _ changes: [(Key, String?)], accepted: Int, _ kind: Kind = .change, _ request: () async throws -> Reply
    ) async throws -> Reply {
        let sent = ContinuousClock.now
        let wish = state.withLock { state in
            for facts in state.marks { facts.mayBecome(changes) }
            return state.ask(changes, kind)
        }
        let reply: Reply
        do { reply = try await request() } catch {
            state.withLock { $0.unanswered.append(wish) }
            throw error
        }
        state.withLock { state in
            switch reply.status {
            case accepted: state.note(wish, kind, sent)
            // A mount that is answered with an upload has changed nothing either.
            case 200..<500: state.takeBack(wish, kind)
            default: state.unanswered.append(wish)
            }
        }
        return reply
    }

    /// What is acknowledged and undisputed.
    func acknowledged(_ key: Key) -> String? {
        state.withLock { state in
            guard let cell = state.cells[key], cell.possible.isEmpty else { return nil }
            return cell.acknowledged
        }
    }

    /// Somebody was told that it is there: from then on its lease runs anew.
    func wasFound(_ key: Key, _ sent: ContinuousClock.Instant) { state.withLock { $0.cells[key]?.leased = sent } }

    /// A manifest is to be pushed that names these.
    func willName(_ parts: Set<String>, _ manifest: Key) { state.withLock { $0.parts[manifest] = parts } }

    /// All that is acknowledged to be there, by its place.
    func all(in repository: String) -> [(Key, String?)] {
        state.withLock(\.cells).filter { $0.key.repository == repository && $0.value.acknowledged != nil }
            .map { ($0.key, $0.value.acknowledged) }
    }

    /// Those that are there.
    var repositories: [String] {
        state.withLock(\.cells).compactMap { key, cell in
            if case .repository(let name) = key, cell.acknowledged != nil { name } else { nil }
        }
    }

    /// Content with these manifests is to be purged: their history will not say what they were.
    func willPurge(_ target: String, _ manifests: Set<String>) {
        state.withLock { $0.purges[target] = (manifests, false) }
    }
    func hasPurged(_ target: String) { state.withLock { $0.purges[target]?.isSure = true } }

    func tags(of digest: String, in repository: String) -> [Key] {
        state.withLock { state in
            state.cells.keys.filter { key in
                guard case .tag(repository, _) = key, let cell = state.cells[key] else { return false }
                return cell.acknowledged == digest || cell.possible.contains(digest)
            }
        }
    }

    /// Nothing is expected of it any more.
    func forget(_ key: Key) { state.withLock { $0.cells[key] = nil } }

    func setUpload(_ id: String, _ upload: OpenUpload?) { state.withLock { $0.uploads[id] = upload } }
    func countAcknowledgement() { state.withLock { $0.acknowledgements += 1 } }

    /// The same facts, for one more check of them.
    func copy() -> Facts {
        let copy = Facts(collecting)
        var state = state.withLock { $0 }
        state.marks = []
        copy.state.withLock { [state] in $0 = state }
        return copy
    }

    /// Digests of all content that was ever acknowledged.
    var contents: [String] {
        state.withLock(\.cells).compactMap { key, cell in
            switch key {
            case .blob(_, let digest), .manifest(_, let digest): cell.acknowledged == nil ? nil : digest
            case .tag, .repository: nil
            }
        }
    }

    /// Goes on with every upload that was open, from what was acknowledged of it, and closes it, twice.
    ///
    /// - Parameters:
    ///   - mayBeGone: the fault was a failed sync, or a failed write, of an upload's own file: it is dead then.
    ///   - started: before the server began: what was closed before it may be collected one lease later.
    func continueUploads(
        _ server: BerthProcess, after fault: String, mayBeGone: Bool = false,
        since started: ContinuousClock.Instant? = nil
    ) async throws {
        let connection = try server.connect()
        let uploads = state.withLock { state in
            defer { state.uploads = [:] }
            return state.uploads.values
        }
        for upload in uploads {
            let bytes = upload.acknowledged + upload.sent
            let digest = digestText(bytes)
            if !upload.isClosing {
                let status = try await connection.send("GET", upload.location)
                if mayBeGone, status.status == 404 { continue }
                #expect(
                    status.status == 204, "an acknowledged upload is \(status.status) after \(fault): \(status.text)")
                guard status.status == 204 else { continue }
                let offset = Self.offset(status)
                #expect(upload.acknowledged.count...bytes.count ~= offset, "offset after \(fault)")
                guard offset < bytes.count || !bytes.isEmpty else { continue }
                let rest = Array(bytes.dropFirst(offset))
                if !rest.isEmpty {
                    let reply = try await connection.send(
                        "PATCH", upload.location, [("Content-Range", "\(offset)-\(bytes.count - 1)")], body: rest)
                    #expect(reply.status == 202, "going on after \(fault): \(reply.text)")
                }
            }
            let key = Key.blob(repository: upload.repository, digest: digest)
            for turn in ["closing", "closing again"] {
                let reply = try await change([(key, "here")], accepted: 201) {
                    try await connection.send("PUT", "\(upload.location)?digest=\(digest)", body: [])
                }
                if mayBeGone, reply.status == 404 { break }
                if reply.status == 404, upload.isClosing, let started, let collecting,
                    started.advanced(by: collecting.lease) < .now
                {
                    break
                }
                #expect(reply.status == 201, "\(turn) after \(fault): \(reply.status) \(reply.text)")
            }
        }
    }

    static func offset(_ reply: Reply) -> Int {
        // `0-0` is an upload without bytes, and one of a single byte; the tests have none of the latter.
        let last = reply.header("Range")?.split(separator: "-").last.flatMap { Int($0) } ?? 0
        return last == 0 ? 0 : last + 1
    }
}

/// As a segment of a path.
func escaped(_ text: String) -> String { text.split(separator: "/").joined(separator: "%2F") }

/// The digest of some bytes, in words.
func digestText(_ bytes: [UInt8]) -> String {
    let digest = bytes.withUnsafeBytes { try? Digest.of($0, .sha256) }
    return digest?.text ?? "no digest"
}
