import BerthBlobs
package import BerthCatalog
package import BerthModel

extension Registry {
    /// Hides a whole repository; its bytes are the collector's when its window is over. On a full disk, with the room
    /// that was kept for deleting.
    package func deleteRepository(
        _ name: RepositoryName, by principal: Principal
    ) async throws(CatalogError) -> RepositoryDeletion {
        do throws(CatalogError) {
            return try await catalog.deleteRepository(name, by: principal)
        } catch {
            guard case .noSpace = error else { throw error }
            await store.giveUpReserve()
            return try await catalog.deleteRepository(name, by: principal)
        }
    }
}
