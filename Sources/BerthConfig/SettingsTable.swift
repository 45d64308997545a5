import Configuration

/// All keys of a `Root`, in the order in which people read them. The loader, the listings, the shipped file and the schema follow it.
struct SettingsTable<Root: Sendable>: Sendable {
    let settings: [Setting<Root>]
    /// One line on each section, by its name: `http`, `http.limits`.
    let sections: [String: String]
    private let positions: [String: Int]

    /// Of two settings of one name the first counts.
    init(sections: [String: String], _ settings: [Setting<Root>]) {
        (self.settings, self.sections) = (settings, sections)
        positions = Dictionary(settings.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(name: String) -> Setting<Root>? { positions[name].map { settings[$0] } }

    var names: [String] { settings.map(\.name) }

    /// Whether `name` holds keys rather than a value.
    func isSection(_ name: String) -> Bool { settings.contains { $0.name.hasPrefix("\(name).") } }

    func keys(of section: String) -> [String] { names.filter { $0.hasPrefix("\(section).") } }

    /// The environment variable of each key: the library's encoding below `BERTH`.
    var variables: [(variable: String, name: String)] {
        settings.map { (Self.variable(of: $0.name), $0.name) }
    }

    static func variable(of name: String) -> String {
        let key = AbsoluteConfigKey(["berth"] + name.split(separator: ".").map(String.init))
        // An empty provider holds nothing that could fail to convert, and tells how it encodes.
        let lookup = try? EnvironmentVariablesProvider(environmentVariables: [:]).value(forKey: key, type: .string)
        return lookup?.encodedKey ?? ""
    }
}
