import BerthTestSupport
import Synchronization
import Testing

extension Facts {
    /// Expects everything to be as `losses` says.
    func check(
        _ server: BerthProcess, after fault: String, isFinal: Bool = true, since restart: Restart? = nil
    ) async throws {
        let losses = try await losses(server, isFinal: isFinal, since: restart)
        #expect(losses.isEmpty, "after \(fault)")
    }

    /// Asks the server for everything, and answers what is not as it was acknowledged, or asked for without an answer.
    /// What it is now is what holds from now on where `isFinal`: nothing is in flight.
    ///
    /// - Parameter restart: the last one, after a kill.
    func losses(
        _ server: BerthProcess, isFinal: Bool = true, since restart: Restart? = nil
    ) async throws -> [String] {
        let connection = try server.connect()
        let administrator = try collecting?.administrator()
        var losses: [String] = []
        let before = state.withLock { $0 }
        var found: [Key: String] = [:]
        for (key, cell) in before.cells {
            let value = try await Self.look(key, connection, administrator)
            found[key] = value
            let expected = [cell.acknowledged] + cell.possible
            guard !expected.contains(value), !(value == nil && mayHaveGone(key, cell, before, restart))
            else { continue }
            let age = cell.leased.map { " since \($0.duration(to: .now))" } ?? ""
            losses.append("\(key) is \(value ?? "absent"), not \(expected)\(age)")
        }
        losses += before.unanswered.compactMap { $0.half(before.cells, found) }
        if let administrator {
            losses += try await purgeLosses(before, found, administrator)
            for (key, history) in before.histories {
                let isHere = found[.repository(key.repository)] != nil
                let told = isHere ? try await Self.history(key, administrator) : []
                if (told.last ?? nil) != found[key] {
                    losses.append("\(key) is \(found[key] ?? "absent"), and its history ends with another")
                }
                let loss = before.loss(key, isHere ? history : History(), told)
                if let loss { losses.append(loss) }
                if isFinal, isHere { state.withLock { $0.histories[key]?.settle(told) } }
            }
        }
        if isFinal { state.withLock { $0.settle(before.cells, found, isCollected: collecting != nil) } }
        return losses
    }

    /// Whether content that was there may have been collected.
    private func mayHaveGone(
        _ key: Key, _ cell: Cell, _ state: State, _ restart: Restart?
    ) -> Bool {
        guard let collecting, case .blob(let repository, let digest) = key else { return false }
        var until = ContinuousClock.now
        if let restart, restart.started.advanced(by: collecting.lease) > until { until = restart.died }
        if let leased = cell.leased, leased.advanced(by: collecting.lease) > until { return false }
        return !state.parts.contains { manifest, parts in
            guard parts.contains(digest), manifest.repository == repository, let holder = state.cells[manifest]
            else { return false }
            return ([holder.acknowledged] + holder.possible).allSatisfy { $0 != nil }
        }
    }

    /// What is on the list has gone, all of it, and what was acknowledged is on the list.
    private func purgeLosses(
        _ state: State, _ found: [Key: String], _ administrator: TestConnection
    ) async throws -> [String] {
        guard !state.purges.isEmpty else { return [] }
        let reply = try await administrator.send("GET", "/api/v1/purges")
        let purges = try reply.json()["purges"] as? [[String: Any]] ?? []
        var losses: [String] = []
        for (target, purge) in state.purges {
            let entry = purges.first { $0["target"] as? String == target }
            if entry == nil, purge.isSure, purges.count < 1_000 { losses.append("the purge of \(target) is forgotten") }
            guard let entry else { continue }
            if entry["is_done"] as? Bool != true { losses.append("the purge of \(target) is not finished") }
            self.state.withLock { $0.purges[target]?.isSure = true }
            losses += found.keys.compactMap { key in
                switch key {
                case .blob(_, target), .repository(target): "\(key) was purged"
                case .manifest(_, let digest) where purge.manifests.contains(digest): "\(key) was purged"
                default: nil
                }
            }
        }
        return losses
    }

    /// Everything that was purged for sure.
    var purged: Set<String> { Set(state.withLock(\.purges).filter(\.value.isSure).keys) }

    private static func look(
        _ key: Key, _ connection: TestConnection, _ administrator: TestConnection?
    ) async throws -> String? {
        let target: String
        switch key {
        case .blob(let repository, let digest): target = "/v2/\(repository)/blobs/\(digest)"
        case .manifest(let repository, let digest): target = "/v2/\(repository)/manifests/\(digest)"
        case .tag(let repository, let name): target = "/v2/\(repository)/manifests/\(name)"
        case .repository(let name):
            let reply = try await administrator?.send("GET", "/api/v1/repositories/\(escaped(name))")
            return reply?.status == 200 ? "here" : nil
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
        case .tag, .repository: return digest
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

    /// What a tag pointed to, the oldest first. Each change has to begin where the one before ended.
    private static func history(_ key: Key, _ administrator: TestConnection) async throws -> [String?] {
        guard case .tag(let repository, let name) = key else { return [] }
        var changes: [[String: Any]] = []
        while true {
            var target = "/api/v1/repositories/\(escaped(repository))/tags/\(name)/history?limit=1000"
            if let last = changes.last?["id"] as? Int { target += "&before=\(last)" }
            let page = try await administrator.send("GET", target).json()["changes"] as? [[String: Any]] ?? []
            changes += page
            if page.count < 1_000 { break }
        }
        let told = changes.reversed().map { (from: $0["from"] as? String, to: $0["to"] as? String) }
        for (change, next) in zip(told, told.dropFirst()) {
            #expect(change.to == next.from, "the history of \(key) has a gap")
        }
        return told.map(\.to)
    }
}

extension Facts.State {
    /// What is wrong with a tag's history; nil: nothing.
    fileprivate func loss(_ key: Facts.Key, _ history: History, _ told: [String?]) -> String? {
        let mayBeGone = purges.values.reduce(into: Set<String>()) { $0.formUnion($1.manifests) }
        let isGone = purges.values.filter(\.isSure).reduce(into: Set<String>()) { $0.formUnion($1.manifests) }
        let fits = history.fits(told) { expected, found in
            expected == found || (found == nil && expected.map(mayBeGone.contains) ?? false)
        }
        guard fits, !told.contains(where: { $0.map(isGone.contains) ?? false }) else {
            return "the history of \(key) is \(told.map { $0?.suffix(6) ?? "none" }), not \(history.text)"
        }
        return nil
    }
}

extension Facts.Wish {
    /// One request's tags, manifests and repository changed together, or nothing of it did. Nil: so it is.
    fileprivate func half(_ cells: [Facts.Key: Facts.Cell], _ found: [Facts.Key: String]) -> String? {
        let telling = changes.filter { key, old, new in
            if case .blob = key { return false }
            return old != new && cells[key]?.possible.count == 1
        }
        let done = telling.filter { found[$0.key] == $0.new }
        guard !done.isEmpty, done.count < telling.count else { return nil }
        return "half of a request was done: \(done.map(\.key)) of \(telling.map(\.key))"
    }
}
