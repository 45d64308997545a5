import BerthTestSupport

extension Changer {
    /// Something that is ready to be asked for.
    struct Errand: Sendable {
        let target: KillPoint.Target
        var run: @Sendable () async throws -> Void = {}
    }

    /// - Parameter work: nil: there is nothing to be asked for.
    func prepare(_ work: KillPoint.Work?, _ hands: Hands, _ sources: [String]) async throws -> Errand {
        guard let work else { return Errand(target: KillPoint.Target(repository: "", digest: "")) }
        let repository = "\(name)/errand-\(next())"
        let pusher = hands.pusher(repository)
        var (image, old): (Image?, Image?)
        while image == nil || old == nil {
            // Under a tag that moves, and one that stays.
            old = try await pushImage(hands, repository, sources, tag: "moved")
            image = try await pushImage(hands, repository, sources, tag: "still")
        }
        guard let image else { throw TestFailure("no image") }
        var target = KillPoint.Target(repository: repository, digest: image.digest)
        let administrator = hands.administrator(repository)
        switch work {
        case .pushLarge:
            let bytes = secret(70_000)
            target.digest = digestText(bytes)
            return Errand(target: target) { _ = try await pusher.pushBlob(bytes) }
        case .mount:
            let other = hands.pusher(repository + "-other")
            (target.repository, target.digest) = (other.repository, image.own)
            return Errand(target: target) { _ = try await other.mountBlob(image.own, from: repository) }
        case .moveTag: return Errand(target: target) { _ = try await pusher.pushManifest(image.bytes, tag: "moved") }
        case .deleteTag: return Errand(target: target) { _ = try await pusher.deleteTag("moved") }
        case .deleteManifest: return Errand(target: target) { _ = try await pusher.deleteManifest(image.digest) }
        case .undelete:
            let tags = facts.tags(of: image.digest, in: repository)
            _ = try await pusher.deleteManifest(image.digest)
            return Errand(target: target) {
                _ = try await administrator.undelete(image.digest, children: [], parts: image.parts, tags: tags)
            }
        case .deleteRepository: return Errand(target: target) { _ = try await administrator.deleteRepository() }
        case .undeleteRepository:
            let all = facts.all(in: repository)
            _ = try await administrator.deleteRepository()
            return Errand(target: target) { _ = try await administrator.undeleteRepository(all) }
        case .purge:
            target.digest = image.own
            return Errand(target: target) { [self] in try await purge(image, hands) }
        }
    }
}
