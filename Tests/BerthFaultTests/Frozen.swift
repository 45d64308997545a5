import BerthTestSupport
import Testing

/// Images that nobody touches but this: pushed before a snapshot, and deleted after it, in every way in which one can be.
struct Frozen: Sendable {
    let server: BerthProcess
    let administration: String
    let name: String
    let facts = Facts()
    /// A layer of an image that is deleted before the snapshot and pushed again after it.
    let returning: String

    private let images: [String: [[UInt8]]]
    private static let names = ["tagged", "moved", "later", "digest", "child", "sister", "whole", "untagged", "again"]

    init(_ server: BerthProcess, root: String, name: String, shared: [[UInt8]], _ numbers: inout SeededNumbers) {
        (self.server, self.name) = (server, name)
        administration = "\(root)/run/admin.sock"
        var images: [String: [[UInt8]]] = [:]
        for image in Self.names {
            images[image] = [numbers.bytes(400), numbers.bytes(70_000), shared[numbers.below(shared.count)]]
        }
        returning = digestText(images["again"]?[1] ?? [])
        self.images = images
    }

    /// Before the snapshot.
    func push() async throws {
        try await push("tagged", to: "tags", as: "1")
        try await push("moved", to: "tags", as: "2")
        let subject = try await push("digest", to: "digests", as: "1")
        try await push("digest", to: "digests", as: nil, subject: subject)
        for child in ["child", "sister"] { try await push(child, to: "digests", as: nil) }
        try expect(201, try await pusher("digests").pushManifest(index, tag: "multi", type: Pusher.indexType))
        try await push("whole", to: "whole", as: "1")
        try await push("untagged", to: "whole", as: nil)
        let again = try await push("again", to: "again", as: "1")
        try expect(202, try await pusher("again").deleteManifest(digestText(again)))
    }

    /// After it.
    func change() async throws {
        let subject = manifest("digest")
        try expect(202, try await pusher("tags").deleteTag("1"))
        try await push("later", to: "tags", as: "2")
        // What refers to an image goes with it, and so does what only an index held.
        try expect(
            202,
            try await pusher("digests").deleteManifest(
                digestText(subject), along: [digestText(manifest("digest", subject: subject))]))
        try expect(
            202,
            try await pusher("digests").deleteManifest(
                digestText(index), along: ["child", "sister"].map { digestText(manifest($0)) }))
        try expect(200, try await pusher("whole").deleteRepository(TestConnection(path: administration)))
        try await push("again", to: "again", as: "1")
    }

    private var index: [UInt8] { Pusher.index(["child", "sister"].map { manifest($0) }) }

    private func manifest(_ image: String, subject: [UInt8]? = nil) -> [UInt8] {
        let parts = images[image] ?? []
        return Pusher.manifest(config: parts[0], layers: Array(parts.dropFirst()), note: image, subject: subject)
    }

    @discardableResult
    private func push(
        _ image: String, to repository: String, as tag: String?, subject: [UInt8]? = nil
    ) async throws -> [UInt8] {
        let pusher = try pusher(repository)
        var (numbers, last) = (SeededNumbers(seed: 0), ContinuousClock.now)
        let soaker = Soaker(server: server, repository: pusher.repository, shared: [], tally: Tally())
        for part in images[image] ?? [] {
            guard try await soaker.bring(part, &numbers, &last, pusher.connection)
            else { throw TestFailure("a blob of \(image): \(soaker.tally.sums.broken)") }
        }
        let manifest = manifest(image, subject: subject)
        try expect(201, try await pusher.pushManifest(manifest, tag: tag))
        return manifest
    }

    private func pusher(_ repository: String) throws -> Pusher {
        Pusher(repository: "\(name)/\(repository)", connection: try server.connect(), facts: facts)
    }

    private func expect(_ status: Int, _ reply: Reply) throws {
        guard reply.status == status else { throw TestFailure("\(name): \(reply.status) \(reply.text)") }
    }
}
