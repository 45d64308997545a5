import Testing

@testable import BerthConfig

/// A configuration with a secret, as later sections will have.
struct Vault: Sendable {
    var name = "vault"
    var password: Secret?

    static let settings = SettingsTable<Vault>(
        sections: ["vault": "A vault."],
        [
            Setting("vault.name", \.name, .path(example: "v"), doc: "Its name."),
            Setting("vault.password", optional: \.password, .secret, doc: "Its password."),
        ])
}

@Suite("Secrets")
struct SecretTests {
    @Test("a secret shows nowhere, and is revealed where asked for")
    func masked() {
        let secret = Secret("hunter2")
        var vault = Vault()
        vault.password = secret
        var dumped = ""
        dump(vault, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\(vault)", String(reflecting: vault), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect(secret.reveal() == "hunter2")
        #expect(secret == Secret("hunter2") && secret != Secret("hunter3"))
    }

    @Test("a listing, the shipped file and the schema mask it")
    func listing() throws {
        var problems: [ConfigurationProblem] = []
        let layer = try #require(
            Vault.settings.environmentLayer(["BERTH_VAULT_PASSWORD": "hunter2"], problems: &problems))
        let (vault, origins) = Vault.settings.applying([layer], to: Vault(), problems: &problems)
        #expect(problems.isEmpty)
        #expect(vault.password?.reveal() == "hunter2")
        let listing = Vault.settings.explain(vault, origins)
        #expect(listing.map(\.value) == ["vault", "***"])
        #expect(listing.map { "\($0.origin)" } == ["default", "BERTH_VAULT_PASSWORD"])
        #expect(listing.allSatisfy { !$0.json.text.contains("hunter2") })
        #expect(!Vault.settings.template(defaults: vault).contains("hunter2"))
        #expect(!Vault.settings.schema(defaults: vault).text.contains("hunter2"))
    }

    @Test("a wrong secret is not repeated, and one on the command line is refused")
    func complaints() throws {
        var problems: [ConfigurationProblem] = []
        _ = Vault.settings.flagLayer([Override(key: "vault.password", value: "hunter2")], problems: &problems)
        #expect(
            problems.map(\.description) == [
                "--set: vault.password is a secret, and everybody sees a command line; use the file or BERTH_VAULT_PASSWORD"
            ])
        try withFile("vault: {password: [hunter2]}") { path in
            problems = []
            let layer = try #require(Vault.settings.fileLayer(path, problems: &problems))
            _ = Vault.settings.applying([layer], to: Vault(), problems: &problems)
            #expect(problems.map(\.fault) == [.wrongShape(key: "vault.password", expected: "a text", isList: false)])
        }
    }
}
