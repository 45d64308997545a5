import BerthTestSupport
import Foundation
import Synchronization
import Testing

/// A client that does everything that changes anything, one thing after another, in repositories of its own. Its images
/// are its own as well; some of their layers come up everywhere.
final class Changer: Sendable {
    /// What it does.
    enum Deed: CaseIterable, Sendable {
        case pushImage, pushIndex, moveTag, deleteTag, restoreTag, deleteManifest, undeleteManifest, pushBlob,
            pushPieces, leaveUploadOpen, mountBlob, deleteBlob, deleteRepository, undeleteRepository, purgeContent,
            purgeRepository
    }

    /// A manifest that it has pushed.
    struct Image: Sendable {
        let repository: String
        let bytes: [UInt8]
        var type = Pusher.image
        /// All content that it and its children name.
        let parts: Set<String>
        /// Its own layer.
        let own: String
        var children: [String] = []

        var digest: String { digestText(bytes) }
        var key: Facts.Key { .manifest(repository: repository, digest: digest) }
    }

    let name: String
    let facts: Facts
    private let shared: [[UInt8]]
    private let root: String
    private let (lease, window): (Duration, Duration)
    private let images = Mutex<[Image]>([])
    private let deeds = Mutex<[Deed: Int]>([:])
    private let numbers: Mutex<SeededNumbers>
    private let count = Mutex(0)
    /// By digest.
    private let marks = Mutex<[String: String]>([:])

    /// - Parameter shared: layers that others push as well.
    init(_ name: String, shared: [[UInt8]], seed: UInt64, _ collecting: Facts.Collecting) {
        (self.name, self.shared, root) = (name, shared, collecting.root)
        (lease, window) = (collecting.lease, collecting.window)
        facts = Facts(collecting)
        numbers = Mutex(SeededNumbers(seed: seed))
    }

    /// How often each thing was done, and acknowledged.
    var done: [Deed: Int] { deeds.withLock { $0 } }

    private func did(_ deed: Deed) { deeds.withLock { $0[deed, default: 0] += 1 } }
    func below(_ bound: Int) -> Int { numbers.withLock { $0.below(bound) } }
    private func pick<Element>(_ all: [Element]) -> Element? { all.isEmpty ? nil : all[below(all.count)] }
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }

    /// Content that nobody else has: its first words are all over it, so that every piece of it can be told.
    func secret(_ size: Int) -> [UInt8] {
        let mark = Array(Leak.mark(numbers.withLock { $0.next() }).utf8)
        let bytes = Array((0...size / mark.count).map { _ in mark }.joined().prefix(size))
        marks.withLock { $0[digestText(bytes)] = String(decoding: mark, as: UTF8.self) }
        return bytes
    }

    private static let tags = ["a", "b", "c"]
    private var repositories: [String] { ["\(name)/one", "\(name)/two"] }
    private func own() -> [UInt8] { secret([200, 3_000, 70_000][below(3)]) }

    // MARK: - At a server

    /// One deed after another until `isOver`, or until the server is gone: that is thrown.
    func work(_ server: BerthProcess, _ sources: [String], until isOver: () -> Bool) async throws {
        let hands = try Hands(self, server, root)
        while !isOver() { try await act(hands, sources) }
    }

    /// What changes things in one repository or another.
    struct Hands {
        private let facts: Facts
        private let connection: TestConnection
        private let administrator: TestConnection

        init(_ changer: Changer, _ server: BerthProcess, _ root: String) throws {
            facts = changer.facts
            connection = try server.connect()
            administrator = try TestConnection(path: "\(root)/run/admin.sock")
        }

        func pusher(_ repository: String) -> Pusher {
            Pusher(repository: repository, connection: connection, facts: facts)
        }
        func administrator(_ repository: String) -> Operator {
            Operator(repository: repository, connection: administrator, facts: facts)
        }
    }

    private func act(_ hands: Hands, _ sources: [String]) async throws {
        let repository = repositories[below(2)]
        let pusher = hands.pusher(repository)
        let here = here(repository)
        // Not so many that looking at all of them takes long.
        if here.count > 6, let image = pick(here) { return try await delete(image, hands) }
        switch below(40) {
        case 0...9: _ = try await pushImage(hands, repository, sources, tag: pick(Self.tags))
        case 10...12: _ = try await pushIndex(hands, repository, sources)
        case 13...16:
            guard let image = image(repository) else { return }
            let reply = try await pusher.pushManifest(image.bytes, tag: pick(Self.tags), type: image.type)
            expect(reply, [201], .moveTag)
        case 17...19: try await deleteTag(hands, repository)
        case 20...25:
            guard let image = image(repository) else { return }
            try await delete(image, hands)
        case 26, 27: expect(try await pusher.pushBlob(own()), [201], .pushBlob)
        case 28, 29: expect(try await pusher.pushPieces([own(), own()], closes: true), [201], .pushPieces)
        case 30:
            // An upload that is open keeps all that is in its repository.
            let reply = try await hands.pusher("\(name)/open").pushPieces([own(), own()], closes: false)
            expect(reply, [202], .leaveUploadOpen)
        case 31, 32: try await mount(hands, repository, sources)
        case 33...35: try await deleteBlob(hands, repository)
        case 36, 37: try await deleteRepository(hands, repository)
        case 38:
            guard let image = image(repository) else { return }
            try await purge(image, hands)
        default: try await purgeRepository(hands, sources)
        }
    }

    /// Notes a deed that was acknowledged. Any other answer than `statuses` is a failure.
    private func expect(_ reply: Reply, _ statuses: [Int], _ deed: Deed) {
        if reply.status == statuses[0] { return did(deed) }
        #expect(statuses.contains(reply.status), "\(deed): \(reply.status) \(reply.text)")
    }

    /// One of its images that are there.
    private func image(_ repository: String) -> Image? { pick(here(repository)) }

    private func here(_ repository: String) -> [Image] {
        images.withLock { images in
            images.removeAll { facts.acknowledged($0.key) == nil }
            return images.filter { $0.repository == repository }
        }
    }

    /// Takes everything away that is there.
    func deleteAll(_ server: BerthProcess) async throws {
        let hands = try Hands(self, server, root)
        for repository in facts.repositories {
            #expect(try await hands.administrator(repository).deleteRepository().status == 200)
        }
    }

    /// What is all over content that was purged.
    var purgedMarks: Set<String> {
        let purged = facts.purged
        return marks.withLock { Set($0.filter { purged.contains($0.key) }.values) }
    }

    // MARK: - Deeds

    /// Nil where it was refused, which is right only where leases have run out meanwhile.
    func pushImage(
        _ hands: Hands, _ repository: String, _ sources: [String], tag: String?
    ) async throws -> Image? {
        let (pusher, begun) = (hands.pusher(repository), ContinuousClock.now)
        let parts = [shared[below(shared.count)], shared[below(shared.count)], own()]
        for part in parts {
            let digest = digestText(part)
            if try await pusher.hasBlob(digest) { continue }
            if below(3) == 0, let source = pick(sources + repositories), source != repository,
                try await pusher.mountBlob(digest, from: source).status == 201
            {
                did(.mountBlob)
            } else {
                expect(try await pusher.pushBlob(part), [201], .pushBlob)
            }
        }
        let bytes = Pusher.manifest(config: parts[0], layers: Array(parts.dropFirst()), note: "\(name) \(next())")
        let image = Image(
            repository: repository, bytes: bytes, parts: Set(parts.map(digestText)), own: digestText(parts[2]))
        return try await push(image, tag, .pushImage, pusher, begun)
    }

    private func push(
        _ image: Image, _ tag: String?, _ deed: Deed, _ pusher: Pusher, _ begun: ContinuousClock.Instant
    ) async throws -> Image? {
        facts.willName(image.parts.union(image.children), image.key)
        let reply = try await pusher.pushManifest(image.bytes, tag: tag, type: image.type)
        let isInTime = begun.advanced(by: lease) > .now
        guard isInTime || reply.status == 201 else { return nil }
        expect(reply, [201], deed)
        if tag != nil, reply.status == 201 { images.withLock { $0.append(image) } }
        return reply.status == 201 ? image : nil
    }

    private func pushIndex(_ hands: Hands, _ repository: String, _ sources: [String]) async throws -> Image? {
        let begun = ContinuousClock.now
        guard let first = try await pushImage(hands, repository, sources, tag: nil),
            let second = try await pushImage(hands, repository, sources, tag: nil)
        else { return nil }
        let bytes = Pusher.index([first.bytes, second.bytes], note: "\(name) \(next())")
        let image = Image(
            repository: repository, bytes: bytes, type: Pusher.indexType, parts: first.parts.union(second.parts),
            own: first.own, children: [first.digest, second.digest])
        return try await push(image, pick(Self.tags), .pushIndex, hands.pusher(repository), begun)
    }

    private func deleteTag(_ hands: Hands, _ repository: String) async throws {
        guard let tag = pick(Self.tags) else { return }
        let target = facts.acknowledged(.tag(repository: repository, name: tag))
        // 404 where it is gone already
        let reply = try await hands.pusher(repository).deleteTag(tag)
        expect(reply, [202, 404], .deleteTag)
        guard reply.status == 202, let target, below(2) == 0 else { return }
        let back = try await hands.administrator(repository).restoreTag(tag, to: target)
        expect(back, [200], .restoreTag)
    }

    func delete(_ image: Image, _ hands: Hands) async throws {
        let tags = facts.tags(of: image.digest, in: image.repository)
        let pusher = hands.pusher(image.repository)
        let begun = ContinuousClock.now
        expect(try await pusher.deleteManifest(image.digest, along: image.children), [202], .deleteManifest)
        guard below(2) == 0 else { return }
        if below(3) == 0 {
            // It comes back with what names it.
            _ = try await pusher.deleteBlob(image.own)
        }
        try await undelete(image, tags, hands, since: begun)
    }

    func undelete(
        _ image: Image, _ tags: [Facts.Key], _ hands: Hands, since begun: ContinuousClock.Instant
    ) async throws {
        let reply = try await hands.administrator(image.repository).undelete(
            image.digest, children: image.children, parts: image.parts, tags: tags)
        expect(reply, isInWindow(begun) ? [200] : [200, 409, 404], .undeleteManifest)
        if reply.status == 200 { images.withLock { $0.append(image) } }
    }

    /// What was deleted since then comes back for sure.
    private func isInWindow(_ begun: ContinuousClock.Instant) -> Bool { begun.advanced(by: window) > .now }

    private func mount(_ hands: Hands, _ repository: String, _ sources: [String]) async throws {
        guard let layer = pick(shared), let source = pick(sources) else { return }
        let reply = try await hands.pusher(repository).mountBlob(digestText(layer), from: source)
        expect(reply, [201, 202], .mountBlob)
    }

    private func deleteBlob(_ hands: Hands, _ repository: String) async throws {
        let blobs = facts.all(in: repository).compactMap { key, _ in
            if case .blob(_, let digest) = key { digest } else { nil }
        }
        guard let digest = pick(blobs) else { return }
        // 405 where a manifest uses it, 404 where it has gone
        expect(try await hands.pusher(repository).deleteBlob(digest), [202, 404, 405], .deleteBlob)
    }

    func deleteRepository(_ hands: Hands, _ repository: String) async throws {
        let (administrator, all) = (hands.administrator(repository), facts.all(in: repository))
        guard !all.isEmpty else { return }
        let begun = ContinuousClock.now
        expect(try await administrator.deleteRepository(), [200], .deleteRepository)
        guard below(3) > 0 else { return }
        let kept = images.withLock { $0 }
        let reply = try await administrator.undeleteRepository(all)
        expect(reply, isInWindow(begun) ? [200] : [200, 409, 404], .undeleteRepository)
        if reply.status == 200 { images.withLock { $0 = kept } }
    }

    func purge(_ image: Image, _ hands: Hands) async throws {
        // Of an index the first child's layer; the second child goes along with the index.
        let manifests = [image.digest] + image.children.prefix(1)
        let reply = try await hands.administrator(image.repository).purge(
            image.own, manifests: manifests, children: Array(image.children.dropFirst()))
        expect(reply, [200], .purgeContent)
    }

    private func purgeRepository(_ hands: Hands, _ sources: [String]) async throws {
        let repository = "\(name)/purged-\(next())"
        guard try await pushImage(hands, repository, sources, tag: "a") != nil else { return }
        expect(try await hands.administrator(repository).purgeRepository(), [200], .purgeRepository)
    }
}

/// Content that may leak, and how its pieces are found.
enum Leak {
    static func mark(_ number: UInt64) -> String {
        let hex = String(number, radix: 16)
        return "leak:" + String(repeating: "0", count: 16 - hex.utf8.count) + hex + ";"
    }
}
