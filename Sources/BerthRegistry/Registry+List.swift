package import BerthCatalog
package import BerthModel

/// One page of a list.
package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]
    /// Whether more follows.
    package let hasMore: Bool

    init(items: [Item], hasMore: Bool) { (self.items, self.hasMore) = (items, hasMore) }

    /// `items` may hold one more than the page; that one only tells that more follows.
    init(_ items: [Item], limit: Int) {
        self.hasMore = items.count > limit
        self.items = Array(items.prefix(limit))
    }

    package func map<Other>(_ transform: (Item) -> Other) -> Page<Other> {
        Page<Other>(items: items.map(transform), hasMore: hasMore)
    }
}

extension Registry {
    /// Most items of one page of tags or repositories.
    package static let longestPage = 10_000

    /// At most `limit` tags in byte order, after `last`. Distribution specification, "Listing Tags".
    package func tags(
        in repository: RepositoryName, after last: String?, limit: Int
    ) async throws(RegistryError) -> Page<Tag> {
        let limit = min(limit, Self.longestPage)
        let tags = try await asked { c async throws(CatalogError) in
            try await c.tags(in: repository, after: last, limit: limit + 1)
        }
        guard let tags else { throw .repositoryUnknown(repository) }
        return Page(tags, limit: limit)
    }

    /// At most `limit` repositories that have a manifest and that `caller` may pull, in byte order, after `last`.
    package func repositories(
        after last: String?, limit: Int, for caller: Caller
    ) async throws(RegistryError) -> Page<RepositoryName> {
        let limit = min(limit, Self.longestPage)
        var found: [RepositoryName] = []
        var after = last
        while found.count <= limit {
            let wanted = limit + 1 - found.count
            let names = try await asked { [after] c async throws(CatalogError) in
                try await c.repositories(after: after, limit: wanted)
            }
            found += names.filter { access.decide(caller, .pull, $0) }
            guard names.count == wanted, let end = names.last else { break }
            after = end.text
        }
        return Page(found, limit: limit)
    }

    /// Repositories whose name contains `text`, page `page` (from 1) of `size`.
    package func search(
        _ text: String, page: Int, size: Int, for caller: Caller
    ) async throws(RegistryError) -> SearchPage {
        let found = try await asked { c async throws(CatalogError) in
            try await c.search(text, page: page, size: size)
        }
        let names = found.names.filter { access.decide(caller, .pull, $0) }
        return SearchPage(total: found.total - (found.names.count - names.count), names: names)
    }

    /// The manifests attached to `subject` in this repository, from `cursor` on. Distribution specification, "Listing
    /// Referrers".
    package func referrers(
        of subject: Digest, in repository: RepositoryName, artifactTypes: [String], after cursor: ReferrerCursor?,
        limit: Int
    ) async throws(RegistryError) -> Page<Referrer> {
        var found: [Referrer] = []
        var after = cursor
        var bytes = 0
        // A few rows at a time: their annotations may be megabytes each, and a page of them is not.
        while found.count <= limit {
            let wanted = min(16, limit + 1 - found.count)
            let part = try await asked { [after] c async throws(CatalogError) in
                try await c.referrers(
                    of: subject, in: repository, artifactTypes: artifactTypes, after: after, limit: wanted)
            }
            found += part
            bytes += part.reduce(0) { $0 + $1.annotationBytes }
            guard part.count == wanted, let end = part.last else { break }
            after = end.cursor
            if bytes > ReferrersPage.mostBytes { return Page(items: found, hasMore: true) }
        }
        return Page(found, limit: limit)
    }
}

extension Referrer {
    fileprivate var annotationBytes: Int { annotations.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }
}
