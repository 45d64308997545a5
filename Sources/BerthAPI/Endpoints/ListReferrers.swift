import BerthCatalog
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

/// `GET /v2/<name>/referrers/<digest>`: an index of the manifests attached to a digest, empty where there are none,
/// also in a repository that does not exist. Distribution specification, "Listing Referrers".
struct ListReferrers: Endpoint {
    let repository: RepositoryName
    let subject: String

    func isLong(_ call: Call) -> Bool { true }

    func answer(_ call: Call) async throws(Refusal) -> Response {
        let subject: Digest
        do { subject = try Digest(self.subject) } catch { throw .digest(error) }
        let paging = try Paging(call, longest: ReferrersPage.mostEntries, repeating: ["artifactType"])
        let types = call.query.values("artifactType")
        let page: Page<Referrer>
        let cursor = try cursor(paging.last)
        do {
            page = try await call.registry.referrers(
                of: subject, in: repository, artifactTypes: types, after: cursor, limit: paging.limit)
        } catch { throw Refusal(error) }
        return response(page, paging, subject, isFiltered: !types.isEmpty)
    }

    private func cursor(_ last: String?) throws(Refusal) -> ReferrerCursor? {
        guard let last else { return nil }
        guard let cursor = ReferrerCursor(last) else { throw .parameter("last", "has to come from a Link header") }
        return cursor
    }

    private func response(_ page: Page<Referrer>, _ paging: Paging, _ subject: Digest, isFiltered: Bool) -> Response {
        var document = ReferrersPage()
        var end: Referrer?
        for referrer in page.items {
            let descriptor = Descriptor(
                mediaType: referrer.type.rawValue, digest: referrer.digest, size: referrer.size)
            guard
                document.append(descriptor, artifactType: referrer.artifactType, annotations: referrer.annotations)
            else { break }
            end = referrer
        }
        let isCut = page.hasMore || document.count < page.items.count
        var response = Response.json(document.finish(), type: ManifestType.ociIndex.rawValue)
        if isFiltered { response.headers[.ociFiltersApplied] = "artifactType" }
        if isCut, let end {
            response.headers[.link] = paging.link("/v2/\(repository)/referrers/\(subject)", after: end.cursor.text)
        }
        return response
    }
}
