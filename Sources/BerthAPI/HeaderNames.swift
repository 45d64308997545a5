import HTTPTypes

extension HTTPField.Name {
    static let apiVersion = known("Docker-Distribution-Api-Version")
    static let contentDigest = known("Docker-Content-Digest")
    static let uploadUUID = known("Docker-Upload-UUID")
    static let ociSubject = known("OCI-Subject")
    static let ociTag = known("OCI-Tag")
    static let ociNamespace = known("OCI-Namespace")
    static let ociFiltersApplied = known("OCI-Filters-Applied")
    static let link = known("Link")

    static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is a header's name") }
        return name
    }
}
