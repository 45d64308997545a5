import BerthModel

// The outbox: what happened, for those who have to be told. Whoever delivers events remembers how far it has come.

extension Catalog {
    /// At most `limit` events after the one with the number `last`, the oldest first.
    package func events(after last: Int64, limit: Int) async throws(CatalogError) -> [CatalogEvent] {
        try await database.read { transaction throws(CatalogError) in
            try transaction.rows(
                """
                SELECT id, kind, repository, digest, tag, principal, happened_at
                FROM event
                WHERE id > ?
                ORDER BY id
                LIMIT ?
                """,
                [.integer(last), .integer(Int64(max(0, limit)))]
            ).map { row throws(CatalogError) in
                guard let kind = CatalogEvent.Kind(rawValue: Int(try row.integer(1))) else {
                    throw .damaged("no such kind of event")
                }
                return CatalogEvent(
                    id: try row.integer(0), kind: kind, repository: try row.repository(2),
                    digest: try row.optionalDigest(3),
                    tag: row.isNull(4) ? nil : try row.tag(4), principal: try row.principal(5),
                    at: try row.integer(6))
            }
        }
    }

    /// Forgets all but the newest `count` events, so that an outbox that nobody empties stays small. How many went.
    @discardableResult
    package func pruneEvents(keeping count: Int) async throws(CatalogError) -> Int {
        let newest = try await database.read { transaction throws(CatalogError) in
            try transaction.row("SELECT coalesce(max(id), 0) FROM event", [])
                .map { row throws(CatalogError) in try row.integer(0) } ?? 0
        }
        let bound = SQLValue.integer(newest - Int64(max(0, count)))
        let limit = Self.rowsPerClosure / 2
        var sum = 0
        while true {
            let gone = try await write(.background) { transaction, _ throws(CatalogError) in
                try transaction.execute(
                    "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id <= ? ORDER BY id LIMIT ?)",
                    [bound, .integer(Int64(limit))])
            }
            sum += gone
            guard gone == limit else { return sum }
        }
    }
}
