import BerthModel

@testable import BerthCatalog

let lease: Int64 = 100
let windowLength: Int64 = 1_000

/// Short terms; a window shorter than the lease where `window` says so.
func collectSettings(window: Int64 = windowLength) -> CatalogSettings {
    var settings = CatalogSettings()
    (settings.terms.lease, settings.terms.window, settings.terms.longestUpload) = (lease, window, 50)
    settings.lazyDelay = .milliseconds(1)
    return settings
}

extension TestCatalog {
    func settle() async throws {
        try await catalog.markSettled(try await catalog.staged(after: nil, limit: 10_000).map(\.key))
    }

    func purge() async throws {
        var cursor = try await catalog.purgeManifests(after: nil)
        while cursor != nil { cursor = try await catalog.purgeManifests(after: cursor) }
    }

    /// The steps of a round; what went.
    func round() async throws -> [Digest] {
        let digests = try await sweep()
        _ = try await catalog.forget(digests)
        return digests
    }

    /// The steps of a round before files go; those of which content would go.
    func sweep() async throws -> [Digest] {
        while try await catalog.purgeRepositories() {}
        try await purge()
        var cursor = try await catalog.purgeLinks(after: nil)
        while cursor != nil { cursor = try await catalog.purgeLinks(after: cursor) }
        cursor = try await catalog.fade(after: nil)
        while cursor != nil { cursor = try await catalog.fade(after: cursor) }
        cursor = try await catalog.unlink(after: nil)
        while cursor != nil { cursor = try await catalog.unlink(after: cursor) }
        while try await catalog.sweepStrays() {}
        while try await catalog.sweep() {}
        return try await catalog.sweeping(after: nil, limit: 1_000)
    }

    func hasBlob(_ number: Int, in repository: String = "library/box") async throws -> Bool {
        try await catalog.blob(digest(number), in: name(repository)) != nil
    }

    func deleteBlob(_ number: Int, in repository: String = "library/box") async throws -> BlobDeletion {
        try await catalog.deleteBlob(digest(number), in: name(repository), referencedAllowed: false, by: alice)
    }

    func undelete(_ number: Int, in repository: String = "library/box") async throws -> Undeletion {
        try await catalog.undelete(digest(number), in: name(repository), by: alice)
    }

    /// An image, an index over it and an index over that, only the last with a tag: 1 <- 10 <- 20 <- 30.
    func pushTree() async throws {
        try await pushBlob(1)
        _ = try await push(10, references: [1])
        _ = try await push(20, entries: [10])
        _ = try await push(30, entries: [20], tags: ["top"])
    }
}
