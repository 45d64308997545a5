package import BerthCatalog
package import BerthModel

/// One page of a list.
package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]
    /// Whether more follows.
    package let hasMore: Bool

    package init(items: [Item], hasMore: Bool) { (self.items, self.hasMore) = (items, hasMore) }

    /// `items` may hold one more than the page; that one only tells that more follows.
    init(_ items: [Item], limit: Int) {
        self.hasMore = items.count > limit
        self.items = Array(items.prefix(limit))
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

    /// Names that each query but the first reads at least: who may see few of them must not cost a query each.
    static let batch = 1_000
    /// Queries that one request may make.
    static let mostQueries = 1_000

    /// At most `limit` repositories that have a manifest and that `caller` may pull, in byte order, after `last`.
    package func repositories(
        after last: String?, limit: Int, for caller: Caller
    ) async throws(RegistryError) -> Page<RepositoryName> {
        let limit = min(limit, Self.longestPage)
        var found: [RepositoryName] = []
        try await visible(to: caller, after: last, first: limit + 1) { c, after, batch async throws(CatalogError) in
            try await c.repositories(after: after, limit: batch)
        } each: { name in
            found.append(name)
            return found.count <= limit
        }
        return Page(found, limit: limit)
    }

    /// Repositories whose name contains `text`, page `page` (from 1) of `size`. What `caller` may not pull is neither
    /// shown nor counted.
    package func search(
        _ text: String, page: Int, size: Int, for caller: Caller
    ) async throws(RegistryError) -> SearchPage {
        let (first, isBeyond) = (max(1, page) - 1).multipliedReportingOverflow(by: max(0, size))
        var (total, names) = (0, [RepositoryName]())
        try await visible(to: caller, after: nil, first: Self.batch) { c, after, batch async throws(CatalogError) in
            try await c.search(text, after: after, limit: batch)
        } each: { name in
            if !isBeyond, total >= first, names.count < size { names.append(name) }
            total += 1
            return true
        }
        let descriptions = try await asked { [names] c async throws(CatalogError) in
            try await c.descriptions(of: names)
        }
        return SearchPage(total: total, names: names, descriptions: descriptions)
    }

    /// Gives `each` the names that `caller` may pull, until it answers false. They are read in batches, the first one of
    /// `first` names; each starts after the last name read, whether that is shown or not.
    private func visible(
        to caller: Caller, after last: String?, first: Int,
        _ read: @escaping @Sendable (Catalog, String?, Int) async throws(CatalogError) -> [RepositoryName],
        each: (RepositoryName) -> Bool
    ) async throws(RegistryError) {
        var (after, batch) = (last, first)
        for _ in 0..<Self.mostQueries {
            let names = try await asked { [after, batch] c async throws(CatalogError) in
                try await read(c, after, batch)
            }
            for name in names where access.decide(caller, .pull, name) {
                guard each(name) else { return }
            }
            guard names.count == batch, let end = names.last else { return }
            (after, batch) = (end.text, max(batch, Self.batch))
        }
        throw .unavailable(cause: "the list has more than \(Self.mostQueries * Self.batch) names")
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

/// One page of what a search found.
package struct SearchPage: Hashable, Sendable {
    /// Of all pages.
    package let total: Int
    package let names: [RepositoryName]
    package let descriptions: [RepositoryName: RepositoryDescription]
}

extension Referrer {
    fileprivate var annotationBytes: Int { annotations.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }
}
