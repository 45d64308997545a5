import BerthTestSupport
import Foundation
import Synchronization
import Testing

/// What a client was told of one repository: images that are here, manifests that are not any more, and where a tag
/// points. While a request is on its way both its outcomes are possible.
final class Kept: Sendable {
    struct State: Sendable {
        var images: [(manifest: String, parts: [String])] = []
        var gone: Set<String> = []
        /// Targets that the tag may have; nil: it is absent.
        var targets: Set<String?> = [nil]
    }
    private let state = Mutex(State())
    var all: State { state.withLock { $0 } }
    var images: [(manifest: String, parts: [String])] { all.images }

    func add(_ manifest: String, _ parts: [String]) {
        state.withLock { state in
            state.images.append((manifest, parts))
            state.gone.remove(manifest)
        }
    }
    func willMove(to manifest: String) { state.withLock { _ = $0.targets.insert(manifest) } }
    func hasMoved(to manifest: String?) { state.withLock { $0.targets = [manifest] } }

    /// A deletion takes the tag along where it points there.
    func willDelete(_ manifest: String) {
        state.withLock { state in
            state.images.removeAll { $0.manifest == manifest }
            if state.targets.contains(manifest) { state.targets.insert(nil) }
        }
    }
    func hasDeleted(_ manifest: String) {
        state.withLock { state in
            state.gone.insert(manifest)
            if state.targets.contains(manifest) { state.targets.remove(manifest) }
        }
    }
}

/// What the soak saw.
final class Tally: Sendable {
    struct Sums: Sendable {
        /// Requests.
        var events = 0
        var pushes = 0
        /// Of them, those with an upload that was open for longer than a lease.
        var slowPushes = 0
        var deletions = 0
        /// Of tags.
        var moves = 0
        var found = 0
        var mounted = 0
        var sent = 0
        /// Pushes that were refused although all their parts were acknowledged within the lease.
        var broken: [String] = []
        /// Between two steps of a push, in milliseconds.
        var longestPause = 0
    }
    private let state = Mutex(Sums())
    var sums: Sums { state.withLock { $0 } }
    func count(_ change: (inout Sums) -> Void) { state.withLock { change(&$0) } }
}

/// A client that pushes images of shared and own layers, asks before it sends, and deletes what it pushed. Others
/// may work in its repository at the same time.
struct Soaker: Sendable {
    /// How a blob that is missing gets there.
    enum Way: CaseIterable, Sendable {
        /// In one request.
        case whole
        /// In two, with a pause between.
        case pieces
        /// From another repository; in pieces where none gives it.
        case mount
    }
    let server: BerthProcess
    let repository: String
    let shared: [[UInt8]]
    let tally: Tally
    var ways: [Way] = [.whole]
    /// Repositories that it mounts from.
    var sources: [String] = []

    private var base: String { "/v2/\(repository)" }

    /// `kept`: what stays is noted there; without it all is deleted at the end.
    func run(until end: ContinuousClock.Instant, _ seed: UInt64, _ kept: Kept? = nil) async {
        let images = kept ?? Kept()
        await counting { connection in
            var numbers = SeededNumbers(seed: seed)
            while ContinuousClock.now < end {
                let own = numbers.bytes([300, 2_000, 70_000][numbers.below(3)])
                let parts = [shared[numbers.below(shared.count)], shared[numbers.below(shared.count)], own]
                var last = ContinuousClock.now
                if let manifest = try await push(parts, &numbers, &last, connection) {
                    images.add(manifest, parts.map(digestText))
                    try await move(to: manifest, images, connection)
                }
                let pushed = images.images
                if pushed.count > 2 || numbers.below(2) == 0, !pushed.isEmpty {
                    let manifest = pushed[numbers.below(pushed.count)].manifest
                    images.willDelete(manifest)
                    try await delete(manifest, images, connection)
                }
            }
            guard kept == nil else { return }
            for image in images.images { try await delete(image.manifest, images, connection) }
        }
    }

    /// Pushes an image, and deletes it. One of its uploads stays open until the leases of all that the push has found,
    /// mounted and sent before are over: until other content, sent later and elsewhere, has been collected.
    func pushSlowly(_ seed: UInt64, root: String) async {
        await counting { connection in
            var numbers = SeededNumbers(seed: seed)
            let (own, large, still) = (numbers.bytes(2_000), numbers.bytes(70_000), numbers.bytes(70_000))
            var last = ContinuousClock.now
            // Asked for twice, so that one at least is found.
            for part in shared + [own, own] {
                guard try await bring(part, &numbers, &last, connection) else { return }
            }
            let begun = try await ask(connection, "POST", "\(base)/blobs/uploads/")
            guard let location = try await append(large.prefix(30_000), begun, connection) else { return }

            let aside = try await ask(
                connection, "POST", "\(base)/aside/blobs/uploads/?digest=\(digestText(still))", body: still)
            guard aside.status == 201 else { return broken("content aside", aside) }
            let file = contentPath(digestText(still), below: root)
            try await eventually("content settles") { FileManager.default.fileExists(atPath: file) }
            try await eventually("what no upload keeps is gone", within: 60) {
                !FileManager.default.fileExists(atPath: file)
            }

            guard try await close(large, from: 30_000, location, connection) else { return }
            last = .now
            let parts = shared + [own, large]
            guard let manifest = try await pushManifest(of: parts, "\(numbers.next())", &last, connection)
            else { return }
            tally.count { $0.slowPushes += 1 }
            try await delete(manifest, Kept(), connection)
        }
    }

    /// With a connection of its own; what is not answered counts as broken.
    private func counting(_ body: (TestConnection) async throws -> Void) async {
        do { try await body(server.connect()) } catch {
            tally.count { $0.broken.append("no answer: \(error)") }
        }
    }

    func check(_ kept: Kept, after fault: String) async throws {
        let connection = try server.connect()
        let told = kept.all
        for image in told.images {
            for target in ["manifests/\(image.manifest)"] + image.parts.map({ "blobs/\($0)" }) {
                let reply = try await connection.send("GET", "/v2/\(repository)/\(target)")
                #expect(reply.status == 200, "\(target) after \(fault)")
                #expect(target.hasSuffix(digestText(reply.body)), "the bytes of \(target) after \(fault)")
            }
        }
        for manifest in told.gone {
            let reply = try await connection.send("HEAD", "/v2/\(repository)/manifests/\(manifest)")
            #expect(reply.status == 404, "the deleted \(manifest) after \(fault)")
        }
        let reply = try await connection.send("GET", "/v2/\(repository)/manifests/moving")
        let target = reply.status == 200 ? digestText(reply.body) : nil
        #expect(told.targets.contains(target), "the tag after \(fault)")
        // What it is now is what holds from now on.
        kept.hasMoved(to: target)
    }

    /// Points the tag to a manifest that has just been pushed, by pushing it once more.
    private func move(
        to digest: String, _ kept: Kept, _ connection: TestConnection
    ) async throws {
        let bytes = try await ask(connection, "GET", "\(base)/manifests/\(digest)").body
        kept.willMove(to: digest)
        let reply = try await ask(
            connection, "PUT", "\(base)/manifests/moving", [("Content-Type", Self.manifestType)], body: bytes)
        guard reply.status == 201 else { return broken("moving a tag", reply) }
        kept.hasMoved(to: digest)
        tally.count { $0.moves += 1 }
    }

    private func push(
        _ parts: [[UInt8]], _ numbers: inout SeededNumbers, _ last: inout ContinuousClock.Instant,
        _ connection: TestConnection
    ) async throws -> String? {
        for part in parts {
            guard try await bring(part, &numbers, &last, connection) else { return nil }
        }
        return try await pushManifest(of: parts, "\(numbers.next())", &last, connection)
    }

    /// Asks for a blob, and sends it if it is missing. False where that was refused.
    func bring(
        _ part: [UInt8], _ numbers: inout SeededNumbers, _ last: inout ContinuousClock.Instant,
        _ connection: TestConnection
    ) async throws -> Bool {
        let digest = digestText(part)
        let head = try await ask(connection, "HEAD", "\(base)/blobs/\(digest)")
        pause(since: &last)
        if head.status == 200 {
            tally.count { $0.found += 1 }
            return true
        }
        var start = "\(base)/blobs/uploads/"
        switch ways[numbers.below(ways.count)] {
        case .whole:
            let reply = try await ask(connection, "POST", "\(start)?digest=\(digest)", body: part)
            pause(since: &last)
            guard reply.status == 201 else {
                broken("an upload", reply)
                return false
            }
            tally.count { $0.sent += 1 }
            return true
        case .pieces: break
        case .mount:
            start += "?mount=\(digest)"
            // Now and then the registry finds the source.
            if numbers.below(4) > 0 { start += "&from=\(sources[numbers.below(sources.count)])" }
        }
        let begun = try await ask(connection, "POST", start)
        pause(since: &last)
        if begun.status == 201, start.contains("mount") {
            tally.count { $0.mounted += 1 }
            return true
        }
        guard let location = try await append(part.prefix(part.count / 2), begun, connection) else { return false }
        pause(since: &last)
        // An upload that rests for a while, shorter than a lease, beside collections.
        try await Task.sleep(for: .milliseconds(numbers.below(400)))
        guard try await close(part, from: part.count / 2, location, connection) else { return false }
        pause(since: &last)
        return true
    }

    /// The first piece of an upload. Answers where it goes on; nil where it was refused.
    private func append(
        _ piece: ArraySlice<UInt8>, _ begun: Reply, _ connection: TestConnection
    ) async throws -> String? {
        guard begun.status == 202, let location = begun.header("Location") else {
            broken("a start of an upload", begun)
            return nil
        }
        let reply = try await ask(connection, "PATCH", location, body: Array(piece))
        guard reply.status == 202, let location = reply.header("Location") else {
            broken("a piece", reply)
            return nil
        }
        return location
    }

    /// The last piece of an upload. False where it was refused.
    private func close(
        _ part: [UInt8], from offset: Int, _ location: String, _ connection: TestConnection
    ) async throws -> Bool {
        let reply = try await ask(
            connection, "PUT", "\(location)?digest=\(digestText(part))", body: Array(part[offset...]))
        guard reply.status == 201 else {
            broken("an end of an upload", reply)
            return false
        }
        tally.count { $0.sent += 1 }
        return true
    }

    /// The end of a push: its manifest is accepted, and all that it names is there.
    private func pushManifest(
        of parts: [[UInt8]], _ note: String, _ last: inout ContinuousClock.Instant, _ connection: TestConnection
    ) async throws -> String? {
        let manifest = Pusher.manifest(config: parts[0], layers: Array(parts.dropFirst()), note: note)
        let digest = digestText(manifest)
        let reply = try await ask(
            connection, "PUT", "\(base)/manifests/\(digest)", [("Content-Type", Self.manifestType)], body: manifest)
        pause(since: &last)
        guard reply.status == 201 else {
            broken("a manifest", reply)
            return nil
        }
        tally.count { $0.pushes += 1 }
        for target in ["manifests/\(digest)"] + parts.map({ "blobs/\(digestText($0))" }) {
            let reply = try await ask(connection, "GET", "\(base)/\(target)")
            if reply.status != 200 { tally.count { $0.broken.append("\(target) is \(reply.status) after its push") } }
        }
        return digest
    }

    private static let manifestType = "application/vnd.oci.image.manifest.v1+json"

    private func ask(
        _ connection: TestConnection, _ method: String, _ target: String, _ headers: [(String, String)] = [],
        body: [UInt8]? = nil
    ) async throws -> Reply {
        tally.count { $0.events += 1 }
        return try await connection.send(method, target, headers, body: body)
    }

    private func broken(_ what: String, _ reply: Reply) {
        tally.count { $0.broken.append("\(what): \(reply.status) \(reply.text)") }
    }

    private func pause(since last: inout ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let milliseconds = Int(last.duration(to: now) / .milliseconds(1))
        tally.count { $0.longestPause = max($0.longestPause, milliseconds) }
        last = now
    }

    private func delete(_ manifest: String, _ kept: Kept, _ connection: TestConnection) async throws {
        let reply = try await ask(connection, "DELETE", "\(base)/manifests/\(manifest)")
        tally.count { $0.deletions += 1 }
        guard reply.status == 202 else { return broken("a deletion", reply) }
        kept.hasDeleted(manifest)
    }
}
