import BerthDigest
import BerthModel
import BerthTestSupport
import Foundation
import Synchronization
import Testing

/// What a test was told by the server, and what it asked for without an answer. After any fault each thing has to be as
/// acknowledged last, or as a later request without an answer would have made it.
final class Facts: Sendable {
    enum Key: Hashable, Sendable {
        case blob(repository: String, digest: String)
        case manifest(repository: String, digest: String)
        case tag(repository: String, name: String)

        var repository: String {
            switch self {
            case .blob(let repository, _), .manifest(let repository, _), .tag(let repository, _): repository
            }
        }
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
    private struct Cell {
        var acknowledged: String?
        var possible: [String?] = []
    }
    private struct State {
        var cells: [Key: Cell] = [:]
        var uploads: [String: OpenUpload] = [:]
        var acknowledgements = 0
        /// What follows these facts at the moment.
        var marks: [Facts] = []
    }
    private let state = Mutex(State())

    /// Effects that were acknowledged so far.
    var acknowledgements: Int { state.withLock(\.acknowledgements) }

    /// Sends a request that changes something and notes what its answer says. An answer of 4xx has changed nothing; any
    /// other failure, or none at all, leaves open what has happened.
    func change(
        _ changes: [(Key, String?)], accepted: Int, _ request: () async throws -> Reply
    ) async throws -> Reply {
        state.withLock { state in
            for facts in state.marks { facts.mayBecome(changes) }
            for (key, value) in changes { state.cells[key, default: Cell()].possible.append(value) }
        }
        let reply = try await request()
        state.withLock { state in
            for (key, value) in changes {
                if reply.status == accepted {
                    state.cells[key] = Cell(acknowledged: value)
                } else if 400..<500 ~= reply.status {
                    state.cells[key]?.possible.removeLast()
                }
            }
            if reply.status == accepted { state.acknowledgements += 1 }
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

    /// What somebody may find in a repository.
    func keys(in repository: String) -> [Key] {
        state.withLock { state in
            state.cells.filter { key, cell in
                key.repository == repository && (cell.acknowledged != nil || !cell.possible.isEmpty)
            }.map(\.key)
        }
    }

    /// Manifests that are acknowledged and undisputed, in the order of their digests.
    func manifests(in repository: String) -> [String] {
        keys(in: repository).compactMap { key in
            guard case .manifest(_, let digest) = key, acknowledged(key) != nil else { return nil }
            return digest
        }.sorted()
    }

    var count: Int { state.withLock(\.cells.count) }

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
        let copy = Facts()
        let (cells, uploads) = state.withLock { ($0.cells, $0.uploads) }
        copy.state.withLock { ($0.cells, $0.uploads) = (cells, uploads) }
        return copy
    }

    /// What a snapshot may hold that begins now: these facts as they are, and until `endMarks` whatever is asked for as
    /// well.
    func beginMark() -> Facts {
        state.withLock { state in
            let mark = Facts()
            mark.state.withLock { $0.cells = state.cells }
            state.marks.append(mark)
            return mark
        }
    }

    /// The snapshots are whole.
    func endMarks() { state.withLock { $0.marks = [] } }

    private func mayBecome(_ changes: [(Key, String?)]) {
        state.withLock { state in
            for (key, value) in changes { state.cells[key, default: Cell()].possible.append(value) }
        }
    }

    /// The server has gone back to where it was at `mark`: what was new since is not there.
    func goBack(to mark: Facts) {
        let then = mark.state.withLock(\.cells)
        state.withLock { state in
            let new = state.cells.keys.filter { then[$0] == nil }
            state.cells = then.merging(new.map { ($0, Cell()) }) { known, _ in known }
            state.uploads = [:]
        }
    }

    /// What is not there is not looked for any more.
    func forgetAbsent() {
        state.withLock { state in
            state.cells = state.cells.filter { $0.value.acknowledged != nil || !$0.value.possible.isEmpty }
        }
    }

    /// Digests of all content that was ever acknowledged.
    var contents: [String] {
        state.withLock(\.cells).compactMap { key, cell in
            switch key {
            case .blob(_, let digest), .manifest(_, let digest): cell.acknowledged == nil ? nil : digest
            case .tag: nil
            }
        }
    }

    /// Expects everything to be as `losses` says.
    func check(_ server: BerthProcess, after fault: String, isFinal: Bool = true) async throws {
        let losses = try await losses(server, isFinal: isFinal)
        #expect(losses.isEmpty, "after \(fault)")
    }

    /// Asks the server for everything, and answers what is not as it was acknowledged, or asked for without an answer.
    /// What it is now is what holds from now on where `isFinal`: nothing is in flight.
    func losses(_ server: BerthProcess, isFinal: Bool = true) async throws -> [String] {
        let connection = try server.connect()
        var losses: [String] = []
        for (key, cell) in state.withLock(\.cells) {
            let found = try await Self.look(key, connection)
            let expected = [cell.acknowledged] + cell.possible
            if !expected.contains(found) { losses.append("\(key) is \(found ?? "absent"), not \(expected)") }
            if isFinal { state.withLock { $0.cells[key] = Cell(acknowledged: found) } }
        }
        return losses
    }

    private static func look(_ key: Key, _ connection: TestConnection) async throws -> String? {
        let target =
            switch key {
            case .blob(let repository, let digest): "/v2/\(repository)/blobs/\(digest)"
            case .manifest(let repository, let digest): "/v2/\(repository)/manifests/\(digest)"
            case .tag(let repository, let name): "/v2/\(repository)/manifests/\(name)"
            }
        let reply = try await connection.send("GET", target)
        guard reply.status != 404 else { return nil }
        guard reply.status == 200 else { return "unreadable: \(reply.status) \(reply.text)" }
        let digest = digestText(reply.body)
        switch key {
        case .blob(_, let wanted): return digest == wanted ? "here" : "other bytes: \(digest)"
        case .manifest(let repository, let wanted):
            guard digest == wanted else { return "other bytes: \(digest)" }
            return try await lack(of: reply, in: repository, connection).map { "without \($0)" } ?? "here"
        case .tag: return digest
        }
    }

    /// What a manifest names and is not there: it is whole only with all of it (G1).
    private static func lack(
        of manifest: Reply, in repository: String, _ connection: TestConnection
    ) async throws -> String? {
        let fields = try manifest.json()
        func digests(_ value: Any?) -> [String] {
            (value as? [[String: Any]] ?? []).compactMap { $0["digest"] as? String }
        }
        let contents = digests([fields["config"] ?? [:]]) + digests(fields["layers"])
        let targets = contents.map { ("blobs", $0) } + digests(fields["manifests"]).map { ("manifests", $0) }
        for (kind, digest) in targets {
            let reply = try await connection.send("GET", "/v2/\(repository)/\(kind)/\(digest)")
            guard reply.status == 200 else { return "\(digest): \(reply.status)" }
            guard digestText(reply.body) == digest else { return "the bytes of \(digest)" }
        }
        return nil
    }

    /// Goes on with every upload that was open, from what was acknowledged of it, and closes it, twice.
    ///
    /// - Parameter mayBeGone: the fault was a failed sync, or a failed write, of an upload's own file: it is dead then.
    func continueUploads(_ server: BerthProcess, after fault: String, mayBeGone: Bool = false) async throws {
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

/// The digest of some bytes, in words.
func digestText(_ bytes: [UInt8]) -> String {
    let digest = bytes.withUnsafeBytes { try? Digest.of($0, .sha256) }
    return digest?.text ?? "no digest"
}
