import BerthModel
import Testing

/// A body that is refused, and why.
struct RefusedManifest: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let contentType: String?
    let body: String
    let error: ManifestError

    init(_ name: String, _ contentType: String?, _ body: String, _ error: ManifestError) {
        (testDescription, self.contentType, self.body, self.error) = (name, contentType, body, error)
    }

    /// Without a header.
    init(_ name: String, _ body: String, _ error: ManifestError) { self.init(name, nil, body, error) }
}

private func field(_ place: ManifestField.Place, _ name: String = "") -> ManifestField { ManifestField(place, name) }
private func json(_ problem: JSONError.Problem, _ offset: Int) -> ManifestError {
    .notJSON(JSONError(problem: problem, offset: offset))
}
/// An image whose only layer is `layer`.
private func layer(_ layer: String) -> String { Sample.image(layers: layer) }
private func layer(size: String) -> String { layer(Sample.descriptor(1, size: size)) }
private func layer(more: String) -> String { layer(Sample.descriptor(1, more: more)) }
private func layer(digest: String) -> String { layer(#"{"mediaType":"a/b","digest":"\#(digest)","size":1}"#) }

private let plain = #"{"schemaVersion":2,"config":\#(Sample.config),"layers":[]}"#
private let artifact = "application/vnd.oci.artifact.manifest.v1+json"
private let schema1 = "application/vnd.docker.distribution.manifest.v1+"
private let long = String(repeating: "a", count: 256)

private let types: [RefusedManifest] = [
    .init("nobody says what it is", plain, .typeUnknown),
    .init("header empty", "", Sample.image(), .contentTypeInvalid("", .noName)),
    .init("header without slash", "json", Sample.image(), .contentTypeInvalid("json", .noSlash)),
    .init("two headers in one", "a/b, c/d", Sample.image(), .contentTypeInvalid("a/b, c/d", .badParameter(offset: 3))),
    .init("header JSON", "application/json", Sample.image(), .typeUnsupported("application/json")),
    .init("header HTML", "text/html; charset=utf-8", Sample.image(), .typeUnsupported("text/html")),
    .init(
        "header of a config", "application/vnd.oci.image.config.v1+json", Sample.image(),
        .typeUnsupported("application/vnd.oci.image.config.v1+json")),
    .init("header of an artifact manifest", artifact, Sample.image(), .typeUnsupported(artifact)),
    .init(
        "artifact manifest in the body", #"{"schemaVersion":2,"mediaType":"\#(artifact)","blobs":[]}"#,
        .typeUnsupported(artifact)),
    .init("unknown type in the body", #"{"schemaVersion":2,"mediaType":"a/b"}"#, .typeUnsupported("a/b")),
    .init(
        "letter case in the body", #"{"schemaVersion":2,"mediaType":"Application/vnd.oci.image.index.v1+json"}"#,
        .typeUnsupported("Application/vnd.oci.image.index.v1+json")),
    .init(
        "parameters in the body", #"{"schemaVersion":2,"mediaType":"\#(Sample.ociIndex);a=b"}"#,
        .typeUnsupported(Sample.ociIndex + ";a=b")),
    .init(
        "index pushed as image", Sample.ociManifest, Sample.index(),
        .typeMismatch(contentType: .ociManifest, mediaType: Sample.ociIndex)),
    .init(
        "image pushed as index", Sample.ociIndex, Sample.image(),
        .typeMismatch(contentType: .ociIndex, mediaType: Sample.ociManifest)),
    .init(
        "Docker image pushed as OCI", Sample.ociManifest, Sample.docker,
        .typeMismatch(contentType: .ociManifest, mediaType: Sample.dockerManifest)),
    .init(
        "OCI image pushed as Docker's", Sample.dockerManifest, Sample.image(),
        .typeMismatch(contentType: .dockerManifest, mediaType: Sample.ociManifest)),
    .init(
        "body says something else", Sample.ociIndex, #"{"schemaVersion":2,"mediaType":"a/b","manifests":[]}"#,
        .typeMismatch(contentType: .ociIndex, mediaType: "a/b")),
    .init("Docker image without mediaType", Sample.dockerManifest, plain, .missing(field(.top, "mediaType"))),
    .init(
        "Docker list without mediaType", Sample.dockerList, #"{"schemaVersion":2,"manifests":[]}"#,
        .missing(field(.top, "mediaType"))),
    .init(
        "mediaType a number", Sample.ociIndex, #"{"schemaVersion":2,"mediaType":1,"manifests":[]}"#,
        .wrongKind(field(.top, "mediaType"), found: .integer, expected: .string)),
    .init("schema 1", Sample.schema1, .schema1),
    .init("schema 1 by header", schema1 + "json", Sample.schema1, .schema1),
    .init("signed schema 1 by header", schema1 + "prettyjws", Sample.schema1, .schema1),
    .init("schema 1 as schema 2", Sample.dockerManifest, Sample.schema1, .schema1),
    .init("schema 1 by mediaType", #"{"schemaVersion":2,"mediaType":"\#(schema1)json"}"#, .schema1),
    .init("schema 1 as OCI", Sample.ociManifest, plain.replacing("2", with: "1", maxReplacements: 1), .schema1),
    .init("schemaVersion 3", Sample.ociManifest, #"{"schemaVersion":3}"#, .schemaVersion(3)),
    .init("schemaVersion 0", Sample.ociManifest, #"{"schemaVersion":0}"#, .schemaVersion(0)),
    .init(
        "schemaVersion text", Sample.ociManifest, #"{"schemaVersion":"2"}"#,
        .wrongKind(field(.top, "schemaVersion"), found: .string, expected: .integer)),
    .init(
        "schemaVersion 2.0", Sample.ociManifest, #"{"schemaVersion":2.0}"#,
        .wrongKind(field(.top, "schemaVersion"), found: .number, expected: .integer)),
    .init(
        "schemaVersion 1e400", Sample.ociManifest, #"{"schemaVersion":1e400}"#,
        .wrongKind(field(.top, "schemaVersion"), found: .number, expected: .integer)),
    .init("no schemaVersion", Sample.ociManifest, #"{}"#, .missing(field(.top, "schemaVersion"))),
    .init("null schemaVersion", Sample.ociManifest, #"{"schemaVersion":null}"#, .missing(field(.top, "schemaVersion"))),
]

private let ambiguous: [RefusedManifest] = [
    .init(
        "image with manifests", Sample.image(more: #","manifests":[\#(Sample.descriptor(5))]"#),
        .ambiguous(.ociManifest, member: "manifests")),
    .init(
        "image with no manifests in a list", Sample.image(more: #","manifests":[]"#),
        .ambiguous(.ociManifest, member: "manifests")),
    .init(
        "untyped image with manifests", Sample.ociManifest,
        #"{"schemaVersion":2,"config":\#(Sample.config),"layers":[],"manifests":[]}"#,
        .ambiguous(.ociManifest, member: "manifests")),
    .init("index with layers", Sample.index(more: #","layers":[]"#), .ambiguous(.ociIndex, member: "layers")),
    .init(
        "index with config", Sample.index(more: #","config":\#(Sample.config)"#),
        .ambiguous(.ociIndex, member: "config")),
    .init(
        "index with a config that is none", Sample.index(more: #","config":0"#), .ambiguous(.ociIndex, member: "config")
    ),
    .init(
        "the same two, as index", Sample.ociIndex,
        #"{"schemaVersion":2,"config":\#(Sample.config),"layers":[],"manifests":[]}"#,
        .ambiguous(.ociIndex, member: "config")),
    .init("image with fsLayers", Sample.image(more: #","fsLayers":[]"#), .ambiguous(.ociManifest, member: "fsLayers")),
    .init(
        "index with fsLayers", Sample.index(more: #","fsLayers":[],"history":[]"#),
        .ambiguous(.ociIndex, member: "fsLayers")),
    .init("Layers", Sample.index(more: #","Layers":[]"#), .misspelled(field(.top, "Layers"), as: "layers")),
    .init("MANIFESTS", Sample.image(more: #","MANIFESTS":[]"#), .misspelled(field(.top, "MANIFESTS"), as: "manifests")),
    .init(
        "mediatype", Sample.index(more: #","mediatype":"a/b""#), .misspelled(field(.top, "mediatype"), as: "mediaType")),
    .init(
        "subject with a long s", Sample.index(more: #","\u017fubject":{}"#),
        .misspelled(field(.top, "\u{17F}ubject"), as: "subject")),
    .init(
        "Digest in a descriptor", layer(more: #","Digest":"x""#), .misspelled(field(.layer(0), "Digest"), as: "digest")),
    .init(
        "SIZE in the config", Sample.image(config: Sample.descriptor(1, more: #","SIZE":1"#)),
        .misspelled(field(.config, "SIZE"), as: "size")),
    .init(
        "Data in an entry", Sample.index(Sample.descriptor(1, more: #","Data":null"#)),
        .misspelled(field(.entry(0), "Data"), as: "data")),
    .init("layers twice", #"{"layers":[],"layers":[]}"#, json(.duplicateKey("layers"), 25)),
    .init("layers twice, once escaped", #"{"layers":[],"\u006cayers":[]}"#, json(.duplicateKey("layers"), 30)),
    .init(
        "digest twice in a descriptor", #"{"config":{"digest":"a","digest":"b"}}"#, json(.duplicateKey("digest"), 37)),
    .init("annotation twice", #"{"annotations":{"a":"b","a":"b"}}"#, json(.duplicateKey("a"), 32)),
]

private let members: [RefusedManifest] = [
    .init("no config", Sample.ociManifest, #"{"schemaVersion":2,"layers":[]}"#, .missing(field(.top, "config"))),
    .init(
        "null config", Sample.ociManifest, #"{"schemaVersion":2,"config":null,"layers":[]}"#,
        .missing(field(.top, "config"))),
    .init(
        "config a list", Sample.image(config: "[]"), .wrongKind(field(.top, "config"), found: .array, expected: .object)
    ),
    .init(
        "no layers", Sample.ociManifest, #"{"schemaVersion":2,"config":\#(Sample.config)}"#,
        .missing(field(.top, "layers"))),
    .init(
        "layers an object", Sample.ociManifest, #"{"schemaVersion":2,"config":\#(Sample.config),"layers":{}}"#,
        .wrongKind(field(.top, "layers"), found: .object, expected: .array)),
    .init("layer null", layer("null"), .wrongKind(field(.layer(0)), found: .null, expected: .object)),
    .init(
        "second layer text", layer(Sample.descriptor(1) + #","x""#),
        .wrongKind(field(.layer(1)), found: .string, expected: .object)),
    .init("no manifests", Sample.ociIndex, #"{"schemaVersion":2}"#, .missing(field(.top, "manifests"))),
    .init(
        "manifests true", Sample.ociIndex, #"{"schemaVersion":2,"manifests":true}"#,
        .wrongKind(field(.top, "manifests"), found: .bool, expected: .array)),
    .init("entry a list", Sample.index("[]"), .wrongKind(field(.entry(0)), found: .array, expected: .object)),
    .init(
        "subject text", Sample.index(more: #","subject":"\#(Sample.digest(1))""#),
        .wrongKind(field(.top, "subject"), found: .string, expected: .object)),
    .init("subject empty", Sample.index(more: #","subject":{}"#), .missing(field(.subject, "mediaType"))),
    .init(
        "subject's digest wrong", Sample.index(more: #","subject":{"mediaType":"a/b","digest":"x","size":1}"#),
        .digestInvalid(field(.subject, "digest"), "x", .noAlgorithm)),
    .init(
        "artifactType a number", Sample.index(more: #","artifactType":1"#),
        .wrongKind(field(.top, "artifactType"), found: .integer, expected: .string)),
    .init(
        "artifactType too long", Sample.index(more: #","artifactType":"\#(long)""#),
        .tooLong(field(.top, "artifactType"), limit: 255)),
    .init(
        "media type too long", layer(Sample.descriptor(1, long)), .tooLong(field(.layer(0), "mediaType"), limit: 255)),
    .init(
        "no media type", layer(#"{"digest":"\#(Sample.digest(1))","size":1}"#), .missing(field(.layer(0), "mediaType"))),
    .init(
        "media type a number", layer(#"{"mediaType":1,"digest":"\#(Sample.digest(1))","size":1}"#),
        .wrongKind(field(.layer(0), "mediaType"), found: .integer, expected: .string)),
    .init("no digest", layer(#"{"mediaType":"a/b","size":1}"#), .missing(field(.layer(0), "digest"))),
    .init("digest empty", layer(digest: ""), .digestInvalid(field(.layer(0), "digest"), "", .noAlgorithm)),
    .init(
        "digest a path", layer(digest: "sha256:../../etc/passwd"),
        .digestInvalid(field(.layer(0), "digest"), "sha256:../../etc/passwd", .wrongLength(16))),
    .init(
        "digest upper case", layer(digest: "sha256:" + String(repeating: "A", count: 64)),
        .digestInvalid(field(.layer(0), "digest"), "sha256:" + String(repeating: "A", count: 64), .notLowerHex)),
    .init(
        "digest md5", layer(digest: "md5:d41d8cd98f00b204e9800998ecf8427e"),
        .digestInvalid(field(.layer(0), "digest"), "md5:d41d8cd98f00b204e9800998ecf8427e", .unknownAlgorithm)),
    .init(
        "no size", layer(#"{"mediaType":"a/b","digest":"\#(Sample.digest(1))"}"#), .missing(field(.layer(0), "size"))),
    .init("size negative", layer(size: "-1"), .sizeInvalid(field(.layer(0), "size"))),
    .init("size least", layer(size: "-9223372036854775808"), .sizeInvalid(field(.layer(0), "size"))),
    .init("size 2^63", layer(size: "9223372036854775808"), .sizeInvalid(field(.layer(0), "size"))),
    .init("size 2^64", layer(size: "18446744073709551616"), .sizeInvalid(field(.layer(0), "size"))),
    .init("size 1e400", layer(size: "1e400"), .sizeInvalid(field(.layer(0), "size"))),
    .init("size 1e3", layer(size: "1e3"), .sizeInvalid(field(.layer(0), "size"))),
    .init("size 1.0", layer(size: "1.0"), .sizeInvalid(field(.layer(0), "size"))),
    .init("size text", layer(size: #""7""#), .sizeInvalid(field(.layer(0), "size"))),
    .init("size null", layer(size: "null"), .missing(field(.layer(0), "size"))),
    .init("data not base64", layer(more: #","data":"*""#), .dataNotBase64(field(.layer(0), "data"))),
    .init("data without padding", layer(more: #","data":"Zg""#), .dataNotBase64(field(.layer(0), "data"))),
    .init(
        "data a number", layer(more: #","data":1"#),
        .wrongKind(field(.layer(0), "data"), found: .integer, expected: .string)),
    .init(
        "data of another size", layer(more: #","data":"Zm9v""#), .dataSize(field(.layer(0), "data"), size: 7, found: 3)),
    .init("empty data", layer(more: #","data":"""#), .dataSize(field(.layer(0), "data"), size: 7, found: 0)),
    .init(
        "data for the largest size", layer(Sample.descriptor(1, size: "9223372036854775807", more: #","data":"Zm9v""#)),
        .dataSize(field(.layer(0), "data"), size: .max, found: 3)),
    .init(
        "annotations a list", Sample.index(more: #","annotations":[]"#),
        .wrongKind(field(.top, "annotations"), found: .array, expected: .object)),
    .init(
        "annotation a number", Sample.index(more: #","annotations":{"a":1}"#),
        .wrongKind(field(.top, "annotations.a"), found: .integer, expected: .string)),
    .init(
        "annotation null", Sample.index(more: #","annotations":{"a":null}"#),
        .wrongKind(field(.top, "annotations.a"), found: .null, expected: .string)),
    .init(
        "annotation of a layer an object", layer(more: #","annotations":{"a":{}}"#),
        .wrongKind(field(.layer(0), "annotations.a"), found: .object, expected: .string)),
    .init(
        "annotation keys that read the same", Sample.index(more: #","annotations":{"\u00e9":"a","e\u0301":"b"}"#),
        .annotationRepeated(field(.top, "annotations"), key: "e\u{301}")),
]

private let documents: [RefusedManifest] = [
    .init("nothing", Sample.ociManifest, "", json(.unexpectedEnd, 0)),
    .init("null", Sample.ociManifest, "null", .notAnObject(.null)),
    .init("a list", Sample.ociManifest, "[]", .notAnObject(.array)),
    .init("text", Sample.ociManifest, #""x""#, .notAnObject(.string)),
    .init("HTML", Sample.ociManifest, "<html>", json(.unexpectedByte(0x3C), 0)),
    .init("YAML", Sample.ociManifest, "schemaVersion: 2", json(.unexpectedByte(0x73), 0)),
    .init("two documents", Sample.ociManifest, "{}{}", json(.trailingBytes, 2)),
    .init("a comma too many", Sample.ociManifest, #"{"a":1,}"#, json(.unexpectedByte(0x7D), 7)),
    .init("a byte order mark", Sample.ociManifest, "\u{FEFF}{}", json(.byteOrderMark, 0)),
    .init("NUL", Sample.ociManifest, "{\"a\":\"\u{0}\"}", json(.controlCharacter(0), 6)),
    .init("escaped NUL", Sample.ociManifest, #"{"annotations":{"a":"\u0000"}}"#, json(.nul, 27)),
    .init("NUL after the end", Sample.ociManifest, "{}\u{0}", json(.trailingBytes, 2)),
    .init("a lone surrogate", Sample.ociManifest, #"{"\ud800":1}"#, json(.loneSurrogate, 8)),
]

@Suite("Manifests that are refused")
struct RefusedManifestTests {
    @Test("for the right reason, with words and values", arguments: types + ambiguous + members + documents)
    func refused(_ manifest: RefusedManifest) {
        let error = #expect(throws: ManifestError.self) {
            try Manifest.parse(Array(manifest.body.utf8), contentType: manifest.contentType)
        }
        #expect(error == manifest.error)
        #expect((10...1000).contains(error?.message.utf8.count ?? 0))
        #expect(error?.detail.values.allSatisfy { $0.utf8.count <= 1020 } == true)
    }

    @Test("a body that is not UTF-8")
    func badUTF8() {
        let body = Array(#"{"a":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
        #expect(throws: ManifestError.notJSON(JSONError(problem: .notUTF8, offset: 8))) {
            try Manifest.parse(body, contentType: Sample.ociManifest)
        }
    }

    @Test("errors of others' making have words too")
    func otherErrors() throws {
        let differs = ManifestError.dataDiffers(field(.entry(3), "data"), .ofNothing(.sha256))
        #expect(differs.message == "manifests[3].data does not hash to \(Digest.ofNothing(.sha256))")
        #expect(differs.detail["field"] == "manifests[3].data")
    }

    @Test("messages stay short whatever was sent")
    func shortMessages() {
        let huge = String(repeating: "é", count: 100_000)
        for body in [
            #"{"schemaVersion":2,"mediaType":"\#(huge)"}"#, layer(digest: huge),
            Sample.index(more: #","annotations":{"\#(huge)":1}"#), #"{"\#(huge)":1,"\#(huge)":1}"#,
        ] {
            let error = #expect(throws: ManifestError.self) { try Manifest.parse(Array(body.utf8), contentType: nil) }
            #expect((error?.message.utf8.count ?? .max) < 1000)
            #expect(error?.detail.values.allSatisfy { $0.utf8.count < 1100 } == true)
        }
    }
}
