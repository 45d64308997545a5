import BerthBlobs
package import BerthCatalog
package import BerthModel

/// What became of a purge.
package struct PurgeOutcome: Sendable {
    package let purge: Purge
    /// Why some files could not be removed yet; nil: all of it is gone.
    package let failure: RegistryError?
}

extension Registry {
    /// Takes content, or a repository, out of everything before it returns: no pull finds it any more, nothing brings it
    /// back, and its bytes are nowhere under the root. Transfers that have begun may end.
    ///
    /// Goes on to its end although its caller is told to stop; one at a time.
    package func purge(_ target: PurgeTarget, by principal: Principal) async throws(CatalogError) -> PurgeOutcome {
        let result = await Task { () -> Result<PurgeOutcome, CatalogError> in
            await purgeTurn.take()
            defer { purgeTurn.give() }
            do throws(CatalogError) {
                let id = try await catalog.beginPurge(target, by: principal)
                let (purge, failure) = try await purger.run(id)
                return .success(PurgeOutcome(purge: purge, failure: failure.map { RegistryError($0) }))
            } catch { return .failure(error) }
        }.value
        return try result.get()
    }

    private var purger: Purger {
        Purger(
            store: store, catalog: catalog, logger: log,
            settled: { [settler] in await settler.settleAll() },
            evict: { [manifestBytes, store] digest in
                manifestBytes.remove(digest)
                store.evict(digest)
            })
    }
}
