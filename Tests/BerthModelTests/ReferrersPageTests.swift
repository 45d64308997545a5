import BerthModel
import Testing

@Suite("Pages of referrers")
struct ReferrersPageTests {
    private let digest = Digest.ofNothing(.sha256)

    private func descriptor(_ size: Int64 = 1) -> Descriptor {
        Descriptor(mediaType: Sample.ociManifest, digest: digest, size: size)
    }

    @Test("an empty one is an index with an empty list")
    func empty() {
        let text = String(decoding: ReferrersPage().finish(), as: UTF8.self)
        #expect(text == #"{"schemaVersion":2,"mediaType":"\#(Sample.ociIndex)","manifests":[]}"#)
    }

    @Test("entries are written whole, annotations in byte order")
    func entries() throws {
        var page = ReferrersPage()
        let first = page.append(descriptor(5), artifactType: "a/\"b", annotations: ["b": "2", "a": "1", "B": "\n"])
        let second = page.append(descriptor(.max), artifactType: nil, annotations: [:])
        #expect(first && second)
        let body = page.finish()
        let expected =
            #"{"schemaVersion":2,"mediaType":"\#(Sample.ociIndex)","manifests":[{"mediaType":"\#(Sample.ociManifest)","#
            + #""digest":"\#(digest)","size":5,"artifactType":"a/\"b","annotations":{"B":"\n","a":"1","b":"2"}},"#
            + #"{"mediaType":"\#(Sample.ociManifest)","digest":"\#(digest)","size":9223372036854775807}]}"#
        #expect(String(decoding: body, as: UTF8.self) == expected)
        // It is an index by our own rules.
        #expect(try Manifest.parse(body, contentType: Sample.ociIndex).references.map(\.size) == [5, .max])
    }

    @Test("a page is full at 1,000 entries")
    func count() {
        var page = ReferrersPage()
        for _ in 0..<1_000 {
            let fits = page.append(descriptor(), artifactType: nil, annotations: [:])
            #expect(fits)
        }
        let fits = page.append(descriptor(), artifactType: nil, annotations: [:])
        #expect(!fits && page.count == 1_000)
    }

    @Test("a page is full at 3 MiB, but takes one entry whatever its size")
    func size() {
        let large = ["a": String(repeating: "x", count: 2 << 20)]
        var page = ReferrersPage()
        let first = page.append(descriptor(), artifactType: nil, annotations: large)
        let second = page.append(descriptor(), artifactType: nil, annotations: large)
        let third = page.append(descriptor(), artifactType: nil, annotations: [:])
        #expect(first && !second && third)
        #expect(page.finish().count <= ReferrersPage.mostBytes)

        var single = ReferrersPage()
        let huge = single.append(
            descriptor(), artifactType: nil, annotations: ["a": String(repeating: "x", count: 4 << 20)])
        #expect(huge && single.count == 1)
    }
}
