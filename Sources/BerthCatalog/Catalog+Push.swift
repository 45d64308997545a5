import BerthModel

extension Catalog {
    /// Stores a manifest with its references, subject, tags, history and events, all or nothing (G1).
    ///
    /// Pushed again it changes nothing but the lease of its content, and a tag that points to it already gets no
    /// second line of history. One that was deleted is back.
    package func putManifest(_ push: ManifestPush) async throws(CatalogError) -> ManifestPushOutcome {
        let bytes = push.contentIsPresent ? 0 : push.bytes.count
        let annotations = try Annotations.encode(push.manifest.annotations)
        var torn: Set<Int64> = []
        while true {
            let step = try await stage(bytes) { [self, torn] transaction, changes throws(CatalogError) in
                try ManifestWriting(
                    transaction: transaction, push: push, annotations: annotations, now: clock.wall(),
                    collecting: collecting(transaction), torn: torn
                ).run(&changes)
            }
            switch step {
            case .done(let outcome): return outcome
            case .detaching: try await finishDetaching()
            case .returning(let entries):
                for entry in entries
                where try await !restore(entry, in: push.repository, by: push.principal) { torn.insert(entry) }
            }
        }
    }
}

/// What one attempt at a push came to.
private enum ManifestStep: Sendable {
    case done(ManifestPushOutcome)
    /// This very manifest is being deleted: what goes with it goes first.
    case detaching
    /// These went with others and are promised: they come back whole before anything is stored.
    case returning([Int64])
}

/// The closure of one push. Everything is checked before anything is written.
private struct ManifestWriting {
    let transaction: any SQLTransaction
    let push: ManifestPush
    let annotations: String
    /// Microseconds since 1970.
    let now: Int64
    let collecting: Collecting
    /// Manifests that cannot come back whole any more.
    let torn: Set<Int64>
    private var registryTime: Int64 { collecting.now }

    init(
        transaction: any SQLTransaction, push: ManifestPush, annotations: String, now: Int64, collecting: Collecting,
        torn: Set<Int64>
    ) {
        self.transaction = transaction
        self.push = push
        self.annotations = annotations
        self.now = now
        self.collecting = collecting
        self.torn = torn
    }

    private struct Check {
        var missing: [Digest] = []
        var mismatches: [SizeMismatch] = []
        var doomed: [BlobFact] = []
        /// What went with another manifest and is still promised.
        var returning: [ManifestRow] = []
        var depth: Int64 = 0
        /// Of what is here.
        var numbers: [Digest: Int64] = [:]
    }

    func run(_ changes: inout Changes) throws(CatalogError) -> ManifestStep {
        let known = try transaction.repositoryID(push.repository)
        if let refusal = try checkCondition(known) { return .done(refusal) }
        let places = try places(known)
        if let refusal = try refusal(of: places) { return .done(.refused(refusal)) }
        let row = try known.flatMap { id throws(CatalogError) in try transaction.manifestRow(push.digest, in: id) }
        if let row, row.isDetaching { return .detaching }

        try transaction.lock(blobs: [push.digest] + push.edges.map(\.digest))
        let check = try checkReferences(known)
        guard check.missing.isEmpty else { return .done(.missing(check.missing)) }
        guard check.mismatches.isEmpty else { return .done(.sizeMismatch(check.mismatches)) }
        guard let raised = try parentsToRaise(known, above: check.depth), check.depth <= Catalog.deepestIndex
        else { return .done(.tooDeep) }
        guard !check.returning.contains(where: \.isDetaching) else { return .detaching }
        guard check.returning.isEmpty else { return .returning(check.returning.map(\.id)) }

        let content: BlobCommit.Content = push.contentIsPresent ? .presentAndGood : .bytes(push.bytes)
        guard let isStaged = try transaction.ensure(push.digest, size: push.size, content, at: now, &changes)
        else { return .done(.contentGone) }
        for blob in check.doomed { try transaction.revive(blob) }
        let repository: Int64
        if let known {
            repository = known
        } else {
            repository = try transaction.makeRepository(push.repository, at: now, &changes)
        }
        try transaction.link(push.digest, .manifest, in: repository, by: push.principal, leasedAt: registryTime)
        let id = try store(row, in: repository, check)
        for (parent, depth) in raised {
            try transaction.execute("UPDATE manifest SET depth = ? WHERE id = ?", [.integer(depth), .integer(parent)])
        }
        for place in places { try set(place, to: id, in: repository, &changes) }
        changes.manifests.append(.init(repository: push.repository, digest: push.digest))
        changes.links.append(.init(repository: push.repository, digest: push.digest))
        return .done(.stored(isNew: isStaged))
    }

    private func checkCondition(_ repository: Int64?) throws(CatalogError) -> ManifestPushOutcome? {
        guard push.condition != .none, let tag = push.tags.first else { return nil }
        let current = try repository.flatMap { id throws(CatalogError) in try transaction.target(of: tag, in: id) }
        return push.condition.holds(for: current) ? nil : .conditionFailed(current: current)
    }

    /// A tag of this push, and what it points to before.
    private struct Place {
        let tag: Tag
        let current: TagRow?
    }

    /// Each tag once, in the order of the push.
    private func places(_ repository: Int64?) throws(CatalogError) -> [Place] {
        var places: [Place] = []
        for tag in push.tags where !places.contains(where: { $0.tag == tag }) {
            let row = try repository.flatMap { id throws(CatalogError) in try transaction.tagRow(tag, in: id) }
            places.append(Place(tag: tag, current: row))
        }
        return places
    }

    /// Why one of the tags cannot be set. One that points here already is not moved, and one whose manifest is being
    /// deleted is as good as absent.
    private func refusal(of places: [Place]) throws(CatalogError) -> TagRefusal? {
        var rules: TagRules?
        for place in places {
            guard let current = place.current else {
                if let refusal = transaction.refusal(ofNew: place.tag) { return refusal }
                continue
            }
            if current.isDeleted || current.digest == push.digest { continue }
            if rules == nil { rules = try TagRules(transaction, for: push.repository) }
            if let refusal = rules?.refusal(of: place.tag) { return refusal }
        }
        return nil
    }

    /// Looks up each digest once: a manifest may name it many times, with the same size or another.
    private func checkReferences(_ repository: Int64?) throws(CatalogError) -> Check {
        var check = Check()
        var seen: [Digest: Int64?] = [:]
        for reference in push.manifest.references {
            let stored: Int64?
            if let known = seen[reference.digest] {
                stored = known
            } else {
                stored = try look(up: reference, in: repository, &check)
                seen[reference.digest] = .some(stored)
            }
            if let stored, stored != reference.size {
                check.mismatches.append(
                    SizeMismatch(digest: reference.digest, said: reference.size, stored: stored))
            }
        }
        if push.manifest.type.isIndex { check.depth += 1 }
        try checkSubject(repository, &check)
        return check
    }

    /// The size of what is referenced; nil if it is not here.
    private func look(
        up reference: ManifestReference, in repository: Int64?, _ check: inout Check
    ) throws(CatalogError) -> Int64? {
        guard let repository else { return lacking(reference, &check) }
        let found = try transaction.numberedContent(reference.digest, in: repository)
        if let found { check.numbers[reference.digest] = found.number }
        let content = found?.fact
        // A layer that is here is asked no further.
        let child =
            reference.role == .entry || content == nil
            ? try transaction.manifestRow(reference.digest, in: repository) : nil
        // An entry that went is not here for its bytes' being here as a blob: as a manifest it would be purged.
        let isHidden = reference.role == .entry && child?.isDeleted == true
        guard let content, !content.isDamaged, !isHidden else {
            if content == nil || isHidden, let child,
                let size = try promised(reference.digest, child, in: repository)
            {
                check.returning.append(child)
                check.depth = max(check.depth, child.depth)
                return size
            }
            return lacking(reference, &check)
        }
        if content.state == .doomed { check.doomed.append(content) }
        if reference.role == .entry, let child { check.depth = max(check.depth, child.depth) }
        return content.size
    }

    private func lacking(_ reference: ManifestReference, _ check: inout Check) -> Int64? {
        if reference.role != .entry || !push.sparseIndexes { check.missing.append(reference.digest) }
        return nil
    }

    /// A manifest that was pushed or asked for within the lease, and went meanwhile with another one: it was promised, so
    /// it comes back with the push that names it (G2). Whatever was promised of it was promised before it went, so nobody
    /// brings it back later than a lease after that. Its size; nil if that is not so.
    private func promised(
        _ digest: Digest, _ child: ManifestRow, in repository: Int64
    ) throws(CatalogError) -> Int64? {
        guard collecting.guards.contains(.entry), let hiddenAt = child.deletedAt, child.wentAlong,
            !torn.contains(child.id), try collecting.isStillPromised(hiddenAt: hiddenAt, in: push.repository),
            let content = try transaction.content(digest), content.state != .sweeping, !content.isDamaged,
            let link = try collecting.manifestLink(digest, in: repository),
            try collecting.keptSince(link) != nil
        else { return nil }
        return content.size
    }

    /// A subject need not be there; if it is, its size is known.
    private func checkSubject(_ repository: Int64?, _ check: inout Check) throws(CatalogError) {
        guard let repository, let subject = push.manifest.subject else { return }
        guard let content = try transaction.linkedContent(subject.digest, in: repository),
            content.size != subject.size
        else { return }
        check.mismatches.append(SizeMismatch(digest: subject.digest, said: subject.size, stored: content.size))
    }

    /// Where indexes may be sparse, the parents of an index can be here before it; they are then deeper than they were
    /// known to be. Nil: one of them would be too deep. Without recursion, level by level.
    private func parentsToRaise(_ repository: Int64?, above depth: Int64) throws(CatalogError) -> [Int64: Int64]? {
        guard let repository, depth > 0 else { return [:] }
        var raised: [Int64: Int64] = [:]
        var level = [push.digest]
        var depth = depth
        while !level.isEmpty {
            depth += 1
            var above: [Digest] = []
            for child in level {
                let parents = try transaction.rows(
                    """
                    SELECT DISTINCT m.id, m.digest
                    FROM manifest_reference e
                    JOIN manifest m ON m.id = e.manifest_id
                    WHERE e.blob_id = (SELECT id FROM blob WHERE digest = ?) AND e.repository_id = ? AND e.role = 2
                        AND m.depth < ?
                    LIMIT ?
                    """,
                    [.digest(child), .integer(repository), .integer(depth), .integer(Int64(Catalog.rowsPerClosure))])
                for parent in parents {
                    raised[try parent.integer(0)] = depth
                    above.append(try parent.digest(1))
                }
            }
            guard above.isEmpty || depth <= Catalog.deepestIndex, raised.count < Catalog.rowsPerClosure
            else { return nil }
            level = above
        }
        return raised
    }

    /// The id of the manifest's row, which is there and not deleted afterwards.
    private func store(_ known: ManifestRow?, in repository: Int64, _ check: Check) throws(CatalogError) -> Int64 {
        let depth = check.depth
        let isRoot = push.isRoot || !push.tags.isEmpty
        if let known {
            if known.isDeleted || known.type != push.manifest.type || known.isRoot != (isRoot || known.isRoot)
                || known.depth != depth
            {
                try update(known, isRoot: isRoot || known.isRoot, depth: max(depth, known.depth))
            }
            if known.isDeleted {
                // A purge may have begun to take them.
                try insertEdges(of: known.id, in: repository, check.numbers)
                try appear(in: repository)
            }
            return known.id
        }
        let id = try insert(in: repository, isRoot: isRoot, depth: depth)
        try insertEdges(of: id, in: repository, check.numbers)
        try appear(in: repository)
        return id
    }

    private func insertEdges(
        of id: Int64, in repository: Int64, _ numbers: [Digest: Int64]
    ) throws(CatalogError) {
        var numbers = numbers
        for (position, reference) in push.edges.enumerated() {
            let number: Int64
            if let known = numbers[reference.digest] {
                number = known
            } else {
                number = try transaction.number(of: reference.digest)
                numbers[reference.digest] = number
            }
            try transaction.execute(
                """
                INSERT INTO manifest_reference (manifest_id, position, repository_id, role, blob_id)
                VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (manifest_id, position) DO NOTHING
                """,
                [
                    .integer(id), .integer(Int64(position)), .integer(repository),
                    .integer(Int64(reference.role.rawValue)), .integer(number),
                ])
        }
    }

    private func insert(in repository: Int64, isRoot: Bool, depth: Int64) throws(CatalogError) -> Int64 {
        try transaction.execute(
            """
            INSERT INTO manifest (
                repository_id, digest, type, artifact_type, subject, size, annotations, depth, is_root,
                pushed_at, pushed_by
            )
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(repository), .digest(push.digest), .text(push.manifest.type.rawValue),
                .optional(push.manifest.artifactType), .optional(push.manifest.subject?.digest.text),
                .integer(push.size), .text(annotations), .integer(depth), .bool(isRoot), .integer(now),
                .text(push.principal.text),
            ])
        guard
            let row = try transaction.row(
                "SELECT id FROM manifest WHERE digest = ? AND repository_id = ?",
                [.digest(push.digest), .integer(repository)])
        else { throw .damaged("a manifest that was just stored is not there") }
        return try row.integer(0)
    }

    private func update(_ known: ManifestRow, isRoot: Bool, depth: Int64) throws(CatalogError) {
        try transaction.execute(
            """
            UPDATE manifest
            SET type = ?, is_root = ?, depth = ?, deleted_at = NULL, deleted_by = NULL, deleted_with = NULL
            WHERE id = ?
            """,
            [.text(push.manifest.type.rawValue), .bool(isRoot), .integer(depth), .integer(known.id)])
    }

    private func appear(in repository: Int64) throws(CatalogError) {
        try transaction.countManifests(1, in: repository)
        try transaction.tell(.pushed, push.repository, push.digest, tag: nil, by: push.principal, at: now)
    }

    private func set(
        _ place: Place, to id: Int64, in repository: Int64, _ changes: inout Changes
    ) throws(CatalogError) {
        if let current = place.current, current.manifest == id { return }
        try transaction.point(place.tag, to: id, in: repository)
        let old = place.current.flatMap { $0.isDeleted ? nil : $0.digest }
        try transaction.remember(place.tag, in: repository, from: old, to: push.digest, by: push.principal, at: now)
        try transaction.tell(.tagged, push.repository, push.digest, tag: place.tag, by: push.principal, at: now)
        changes.tags.append(.init(repository: push.repository, tag: place.tag))
    }
}

extension ManifestPush {
    /// What the manifest holds on to. Layers that are not meant to be distributed may be missing; where they were pushed
    /// all the same they have to stay.
    fileprivate var edges: [ManifestReference] { manifest.references + manifest.undistributed }
}
