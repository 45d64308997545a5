import Testing

@Suite("oras")
struct OrasTests {
    @Test("pushes an artifact, attaches another to it, pulls and lists")
    func artifact() async throws {
        try await withClients(.oras, .curl) { at in
            let ran = try await at.run(
                Place.python, Place.script("oras-client.py"), at.registry.address, "\(at.namespace)/artifact", at.folder
            )
            let digests = ran.lines.suffix(2)
            let (artifact, attached) = try (#require(digests.first), #require(digests.last))
            let referrers = try await at.curl(at.url("artifact/referrers/\(artifact)"))
            #expect(referrers.status == 200)
            #expect(referrers.headers["content-type"] == ImageIndex.mediaType)
            #expect(try parse(referrers.text, as: ImageIndex.self).manifests.map(\.digest) == [attached])
        }
    }
}
