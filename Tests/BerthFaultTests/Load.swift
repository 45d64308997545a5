import BerthTestSupport
import Synchronization

/// Clients that change their own repositories without pause, and go on over every start of their server. Each knows what
/// the server has to hold when a restore has taken it back, and looks before it changes anything more.
final class Load: Sendable {
    /// What a restore can go back to.
    enum Moment: Hashable, Sendable {
        /// When the nth snapshot was made.
        case snapshot(Int)
        /// When the server stopped that had started so many times.
        case stop(Int)
    }

    struct Sums: Sendable {
        var pushes = 0
        /// Of tags, manifests and repositories.
        var deletions = 0
        var repositoryDeletions = 0
        /// Requests that a stopping server refused with a 503, or cut.
        var cut = 0
        /// Things that were looked at after restores, manifests with all that they name.
        var facts = 0
        /// What was not as it had to be.
        var wrong: [String] = []
    }

    private struct State {
        var sums = Sums()
        var marks: [Moment: [Int: Facts]] = [:]
        /// What the restore under way goes back to.
        var target: Moment?
        /// Clients that have looked, and pushed, since the server's nth start.
        var arrivals: [Int: Int] = [:]
        var isOver = false
    }

    /// The server refuses, for it is about to stop.
    private struct Refused: Error {}

    /// Connections to one start of the server: what is asked on them never reaches another one.
    private struct Session {
        let connection: TestConnection
        let administration: TestConnection
    }

    let server: BerthProcess
    let shared: [[UInt8]]
    let tally = Tally()
    private let administration: String
    /// Of each client.
    private let facts: [Facts]
    private let state = Mutex(State())

    init(_ server: BerthProcess, root: String, shared: [[UInt8]], clients: Int) {
        (self.server, self.shared) = (server, shared)
        administration = "\(root)/run/admin.sock"
        facts = (0..<clients).map { _ in Facts() }
    }

    var clients: Range<Int> { facts.indices }
    var sums: Sums { state.withLock(\.sums) }
    private var isOver: Bool { state.withLock(\.isOver) }

    // MARK: - For the test

    /// A snapshot is about to be made; it is whole when `endMarks` is called.
    func beginMarks(_ moment: Moment) {
        let marks = facts.map { $0.beginMark() }
        state.withLock { $0.marks[moment] = Dictionary(uniqueKeysWithValues: marks.enumerated().map { ($0, $1) }) }
    }

    func endMarks() { for one in facts { one.endMarks() } }

    func willRestore(_ moment: Moment) { state.withLock { $0.target = moment } }

    /// Waits until all clients have found what they look for at this start of the server, and have pushed since.
    func goesOn(since start: Int) async throws {
        try await eventually("all clients go on", within: 60) {
            self.state.withLock { !$0.sums.wrong.isEmpty || $0.arrivals[start] == self.facts.count }
        }
        state.withLock { $0.target = nil }
    }

    /// Every client ends with what it is at.
    func end() { state.withLock { $0.isOver = true } }

    /// What is there now and should not be, and what should be and is not, of all clients. None is at work.
    func losses() async throws -> [String] {
        var losses: [String] = []
        for one in facts {
            losses += try await one.losses(server)
            count { $0.facts += one.count }
        }
        return losses
    }

    // MARK: - A client

    func run(_ client: Int, _ seed: UInt64) async {
        var numbers = SeededNumbers(seed: seed)
        var start = 1
        do {
            while !isOver {
                let session = Session(
                    connection: try server.connect(), administration: try TestConnection(path: administration))
                do {
                    // It has compared, and pushes on from what it found.
                    try await push(client, session, &numbers)
                    state.withLock { $0.arrivals[start, default: 0] += 1 }
                    while !isOver { try await change(client, session, &numbers) }
                } catch {
                    try await comeBack(client, &start, after: error)
                }
            }
        } catch {
            count { $0.wrong.append("client \(client) does not go on: \(error)") }
        }
    }

    /// Waits for the server's next start, and compares.
    private func comeBack(_ client: Int, _ start: inout Int, after error: any Error) async throws {
        let facts = facts[client]
        let mark = try state.withLock { state in
            state.sums.cut += 1
            state.marks[.stop(start), default: [:]][client] = facts.copy()
            guard let target = state.target, let mark = state.marks[target]?[client]
            else { throw TestFailure("no answer, and no restore is under way: \(error)") }
            return mark
        }
        start += 1
        try await server.listens(start: start)
        facts.goBack(to: mark)
        let losses = try await facts.losses(server).map { "client \(client) at start \(start): \($0)" }
        count { sums in
            sums.wrong += losses
            sums.facts += facts.count
        }
        facts.forgetAbsent()
    }

    private func change(_ client: Int, _ session: Session, _ numbers: inout SeededNumbers) async throws {
        let pusher = pusher(client, session, &numbers)
        let manifests = facts[client].manifests(in: pusher.repository)
        let reply: Reply
        switch numbers.below(12) {
        case 0: reply = try await pusher.deleteTag(Self.tags[numbers.below(Self.tags.count)])
        case 1 where pusher.repository.hasSuffix("box"):
            reply = try await pusher.deleteRepository(session.administration)
            count { $0.repositoryDeletions += 1 }
        case 2...4 where !manifests.isEmpty, _ where manifests.count > 8:
            reply = try await pusher.deleteManifest(manifests[numbers.below(manifests.count)])
            if reply.status == 404 { count { $0.wrong.append("a manifest is gone: \(reply.text)") } }
        default: return try await push(client, session, &numbers)
        }
        guard reply.status != 503 else { throw Refused() }
        count { sums in
            sums.deletions += 1
            if ![200, 202, 404].contains(reply.status) {
                sums.wrong.append("a deletion: \(reply.status) \(reply.text)")
            }
        }
    }

    /// Pushes an image of shared and own content, and moves a tag to it.
    private func push(_ client: Int, _ session: Session, _ numbers: inout SeededNumbers) async throws {
        let pusher = pusher(client, session, &numbers)
        let own = numbers.bytes([300, 2_000, 70_000][numbers.below(3)])
        let parts = [shared[numbers.below(shared.count)], shared[numbers.below(shared.count)], own]
        let soaker = Soaker(
            server: server, repository: pusher.repository, shared: shared, tally: tally,
            ways: [.whole, .whole, .pieces, .mount], sources: clients.map { "load/\($0)" })
        var last = ContinuousClock.now
        for part in parts {
            guard try await soaker.bring(part, &numbers, &last, session.connection) else { throw Refused() }
        }
        let manifest = Pusher.manifest(
            config: parts[0], layers: Array(parts.dropFirst()), note: "\(numbers.next())")
        let reply = try await pusher.pushManifest(manifest, tag: Self.tags[numbers.below(Self.tags.count)])
        guard reply.status != 503 else { throw Refused() }
        count { sums in
            sums.pushes += 1
            if reply.status != 201 { sums.wrong.append("a manifest: \(reply.status) \(reply.text)") }
        }
    }

    private static let tags = ["a", "b", "c"]

    private func pusher(_ client: Int, _ session: Session, _ numbers: inout SeededNumbers) -> Pusher {
        let repository = numbers.below(3) == 0 ? "load/\(client)/box" : "load/\(client)"
        return Pusher(repository: repository, connection: session.connection, facts: facts[client])
    }

    private func count(_ change: (inout Sums) -> Void) { state.withLock { change(&$0.sums) } }
}
