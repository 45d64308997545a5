import Testing

@Suite("Helm")
struct HelmTests {
    @Test("pushes charts, lists versions, and pulls the one that a range of versions asks for")
    func charts() async throws {
        try await withClients(.helm) { at in
            let ran = try await at.run(
                Place.python, Place.script("helm-client.py"), at.registry.address, "\(at.namespace)/charts", at.folder)
            #expect(ran.text.contains("helm v"))
        }
    }
}
