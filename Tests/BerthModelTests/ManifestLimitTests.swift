import BerthModel
import BerthTestSupport
import Testing

@Suite("Manifests without measure")
struct ManifestLimitTests {
    private func problem(_ body: String) -> JSONError.Problem? {
        do { _ = try Manifest.parse(Array(body.utf8), contentType: nil) } catch {
            guard case .notJSON(let error) = error else { return nil }
            return error.problem
        }
        return nil
    }

    private func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text + ",", count: count - 1) + text
    }

    @Test("10,000 references are taken, 10,001 are not")
    func references() throws {
        let entry = Sample.descriptor(1)
        let most = try Manifest.parse(Array(Sample.image(layers: repeated(entry, 9_999)).utf8), contentType: nil)
        #expect(most.references.count == 10_000)
        #expect(throws: ManifestError.tooManyReferences(10_001)) {
            try Manifest.parse(Array(Sample.image(layers: repeated(entry, 10_000)).utf8), contentType: nil)
        }
        #expect(problem(Sample.index(repeated(entry, 10_001))) == .tooManyChildren(limit: 10_000))
    }

    @Test("25,000 layers")
    func layers() {
        #expect(problem(Sample.image(layers: repeated("{}", 25_000))) == .tooManyChildren(limit: 10_000))
    }

    @Test("100,000 annotations")
    func annotations() {
        let members = (0..<100_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
        #expect(problem(Sample.index(more: #","annotations":{\#(members)}"#)) == .tooManyChildren(limit: 10_000))
    }

    @Test("10,000 annotations, all different")
    func mostAnnotations() throws {
        let members = (0..<10_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
        let body = Sample.index(more: #","annotations":{\#(members)}"#)
        #expect(try Manifest.parse(Array(body.utf8), contentType: nil).annotations.count == 10_000)
    }

    @Test("100,000 deep, in every kind of nesting", arguments: ["[", "{\"a\":", "[{\"a\":", "{\"config\":"])
    func depth(opening: String) {
        #expect(problem(String(repeating: opening, count: 100_000)) == .tooDeep(limit: 64))
    }

    @Test("more values than any manifest has")
    func values() {
        let list = "[" + repeated("0", 9_000) + "]"
        #expect(problem(Sample.index(more: #","x":[\#(repeated(list, 30))]"#)) == .tooManyValues(limit: 250_000))
    }

    @Test("a number of 100,000 digits")
    func digits() throws {
        let body = Sample.index(Sample.descriptor(1, size: String(repeating: "9", count: 100_000)))
        #expect(throws: ManifestError.sizeInvalid(ManifestField(.entry(0), "size"))) {
            try Manifest.parse(Array(body.utf8), contentType: nil)
        }
    }
}

@Suite("Manifests with something broken")
struct ManifestMutationTests {
    static let samples = [
        Sample.docker, Sample.dockerManifestList, Sample.dockerWindows, Sample.buildKitIndex, Sample.buildKitCacheIndex,
        Sample.helm, Sample.cosignBundle, Sample.cosignSignature, Sample.oras, Sample.attachedIndex, Sample.schema1,
    ].map { Array($0.utf8) }

    /// The seed stands in the name of the case that fails; a trap ends the run, and the seeds are always these.
    @Test("never trap, and what is accepted keeps its bounds", arguments: 1...12 as ClosedRange<UInt64>)
    func mutations(seed: UInt64) throws {
        var random = SeededNumbers(seed: seed)
        let tokens = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "-", "9223372036854775808", "1e400", "null",
            "e30=",
        ]
        .map { Array($0.utf8) }
        for _ in 0..<300 {
            var body = Self.samples.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                guard !body.isEmpty else { break }
                let at = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: body[at] = UInt8.random(in: 0...255, using: &random)
                case 1: body.remove(at: at)
                case 2: body.insert(contentsOf: tokens.randomElement(using: &random) ?? [], at: at)
                case 3: body.removeSubrange(at..<min(body.count, at + Int.random(in: 1...40, using: &random)))
                case 4: body.insert(contentsOf: body[at..<min(body.count, at + 60)], at: at)
                default: body.removeSubrange(at...)
                }
            }
            let contentType = ManifestType.allCases.randomElement(using: &random)?.rawValue
            for type in [nil, contentType] {
                do {
                    let manifest = try Manifest.parse(body, contentType: type)
                    #expect(manifest.references.allSatisfy { $0.size >= 0 })
                } catch {
                    #expect(!error.message.isEmpty)
                }
            }
        }
    }

    @Test("cut short anywhere, none is a manifest", arguments: samples.indices)
    func truncations(sample: Int) {
        let body = Self.samples[sample]
        for count in stride(from: 0, to: body.count, by: 7) {
            #expect(throws: ManifestError.self) { try Manifest.parse(Array(body[..<count]), contentType: nil) }
        }
    }
}
