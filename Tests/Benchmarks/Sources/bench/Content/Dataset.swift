/// Content that a scenario reads, the same in every store. It is made once and kept between runs.
struct Dataset: Sendable {
    /// Equal blobs but for their number.
    struct Blobs: Sendable {
        let repository: String
        let size: Int
        let series: UInt64
        let numbers: Range<Int>

        func content(_ number: Int) -> Content { Content(size: size, series: series, number: UInt64(number)) }
    }

    struct Manifest: Sendable {
        let repository: String
        let bytes: [UInt8]
        let digest: String
        let tags: [String]

        init(repository: String, bytes: [UInt8], tags: [String]) {
            (self.repository, self.bytes, self.tags) = (repository, bytes, tags)
            digest = Digests.digest(bytes)
        }
    }

    /// Names the folder in the cache; part of it is the version of what is in it.
    let name: String
    var blobs: [Blobs] = []
    var manifests: [Manifest] = []
    /// Manifests whose `subject` is one of `manifests`, pushed after it.
    var referrers: [Manifest] = []

    /// Adds an image of a config and layers of one size, under a tag, and returns its blobs, the config first.
    @discardableResult
    mutating func addImage(
        _ repository: String, tags: [String], series: UInt64, number: Int, layers: Int, bytes: Int
    ) -> [Content] {
        let first = number * (layers + 1)
        let group = Blobs(repository: repository, size: bytes, series: series, numbers: first..<first + layers + 1)
        blobs.append(group)
        let contents = group.numbers.map(group.content)
        let template = ManifestTemplate(configBytes: bytes, layerBytes: contents.dropFirst().map(\.size))
        manifests.append(Manifest(repository: repository, bytes: template.filled(contents), tags: tags))
        return contents
    }
}
