import Testing

@testable import BerthConfig

@Suite("The table of keys")
struct TableTests {
    private let table = Configuration.settings

    @Test("every property of the configuration has its key, once")
    func complete() {
        func leaves(_ value: Any) -> Int {
            guard let section = value as? any ConfigurationSection else { return 1 }
            return Mirror(reflecting: section).children.reduce(0) { $0 + leaves($1.value) }
        }
        let properties = Mirror(reflecting: Configuration()).children.reduce(0) { $0 + leaves($1.value) }
        #expect(properties == table.settings.count)
        #expect(Set(table.names).count == table.settings.count)
    }

    @Test("every key sets a property of its own")
    func distinct() throws {
        for setting in table.settings {
            var changed = Configuration()
            try setting.assign(&changed, [other(setting)])
            let moved = table.settings.filter { $0.texts(changed) != $0.texts(Configuration()) }
            #expect(moved.map(\.name) == [setting.name])
        }
    }

    @Test("keys are lower snake case below a section, sections have a line, and so has every key")
    func names() {
        for setting in table.settings {
            #expect((2...3).contains(setting.components.count))
            #expect(
                setting.name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz_.".utf8.contains($0) }, "\(setting.name)")
            #expect(
                !setting.doc.isEmpty && !setting.doc.contains("\n") && setting.doc.hasSuffix("."), "\(setting.name)")
            for depth in 1..<setting.components.count {
                #expect(
                    table.sections[setting.components.prefix(depth).joined(separator: ".")] != nil, "\(setting.name)")
            }
        }
        #expect(table.sections.keys.allSatisfy(table.isSection))
    }

    @Test("no two keys encode to one variable, and none looks like a service's")
    func variables() {
        let variables = table.variables.map(\.variable)
        #expect(Set(variables).count == variables.count)
        #expect(!variables.contains(SettingsTable<Configuration>.fileVariable))
        #expect(variables.allSatisfy { !isServiceLink($0) })
        #expect(SettingsTable<Configuration>.variable(of: "storage.sync") == "BERTH_STORAGE_SYNC")
        #expect(
            SettingsTable<Configuration>.variable(of: "http.limits.request_line") == "BERTH_HTTP_LIMITS_REQUEST_LINE")
    }

    @Test("what a key's variable holds is found under it")
    func found() throws {
        for setting in table.settings {
            var problems: [ConfigurationProblem] = []
            let variable = SettingsTable<Configuration>.variable(of: setting.name)
            let layer = try #require(table.environmentLayer([variable: "value"], problems: &problems))
            #expect(try layer.texts(for: setting) == ["value"], "\(variable)")
            #expect(problems.isEmpty)
        }
    }

    @Test("a collision would be seen")
    func collision() {
        let table = SettingsTable<Vault>(
            sections: [:],
            [
                Setting("a.b_c", \.name, .path(example: "x"), doc: "One."),
                Setting("a.b.c", \.name, .path(example: "x"), doc: "Two."),
            ])
        #expect(Set(table.variables.map(\.variable)).count == 1)
    }

    @Test("every default is a value that its key takes, and so is the example of one without")
    func defaults() throws {
        for setting in table.settings {
            var configuration = Configuration()
            try setting.assign(&configuration, setting.texts(configuration) ?? [setting.example])
            let isUnset = setting.texts(Configuration()) == nil
            #expect((configuration != Configuration()) == isUnset, "\(setting.name)")
        }
    }

    /// A value that the key takes and that is not its default.
    private func other(_ setting: Setting<Configuration>) -> String {
        let candidates = [
            "7s", "9h", "50ms", "5MiB", "77", "true", "false", "never", "allow", "keep", "pull", "debug", "json",
            "127.0.0.1:7",
            "10.9.0.0/16",
            "https://other.example.org", setting.example, "other",
        ]
        return candidates.first { text in
            var changed = Configuration()
            return (try? setting.assign(&changed, [text])) != nil && changed != Configuration()
        } ?? ""
    }
}

/// Marks what is made of further properties, so that values with properties of their own (addresses) count as one.
private protocol ConfigurationSection {}
extension Configuration.HTTP: ConfigurationSection {}
extension Configuration.Limits: ConfigurationSection {}
extension Configuration.Timeouts: ConfigurationSection {}
extension Configuration.TLS: ConfigurationSection {}
extension Configuration.Storage: ConfigurationSection {}
extension Configuration.Upload: ConfigurationSection {}
extension Configuration.Manifests: ConfigurationSection {}
extension Configuration.Delete: ConfigurationSection {}
extension Configuration.Collector: ConfigurationSection {}
extension Configuration.RegistryMode: ConfigurationSection {}
extension Configuration.Access: ConfigurationSection {}
extension Configuration.Log: ConfigurationSection {}
extension Configuration.Metrics: ConfigurationSection {}
extension Configuration.Admin: ConfigurationSection {}
