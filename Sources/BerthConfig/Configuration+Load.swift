/// A configuration, and where each of its values comes from.
package struct LoadedConfiguration: Sendable {
    package let configuration: Configuration
    /// The file that was read, if any.
    package let file: String?
    /// By key; a key that nobody set is absent.
    package let origins: [String: Origin]
    /// Why this configuration serves nobody as long as there are no accounts; nil where it does.
    package let withoutAccounts: ConfigurationErrors?
}

extension Configuration {
    /// Reads the configuration: defaults, then the file, then the environment, then the command line, each over the one before.
    ///
    /// The file is `file` (from `--config`), else what `BERTH_CONFIG` names, else none. Throws every problem there is at once.
    package static func load(
        file: String? = nil, environment: [String: String] = [:], overrides: [Override] = []
    ) throws(ConfigurationErrors) -> LoadedConfiguration {
        var problems: [ConfigurationProblem] = []
        let path = file ?? environment[SettingsTable<Configuration>.fileVariable]
        var layers: [Layer] = []
        if let path, let layer = settings.fileLayer(path, problems: &problems) { layers.append(layer) }
        if let layer = settings.environmentLayer(environment, problems: &problems) { layers.append(layer) }
        layers.append(settings.flagLayer(overrides, problems: &problems))
        let (configuration, origins) = settings.applying(layers, to: Configuration(), problems: &problems)
        problems = inOrder(problems)
        // A rule about a key that is wrong by itself would only repeat that, or say something untrue.
        let wrong = Set(problems.compactMap(\.key))
        problems += rules.flatMap { $0.problems(in: configuration, origins, wrong: wrong) }
        guard problems.isEmpty else { throw ConfigurationErrors(problems: problems) }
        let open = rulesWithoutAccounts.flatMap { $0.problems(in: configuration, origins, wrong: []) }
        return LoadedConfiguration(
            configuration: configuration, file: path, origins: origins,
            withoutAccounts: open.isEmpty ? nil : ConfigurationErrors(problems: open))
    }

    /// The file by line, the environment, the command line; what is of one place stays as found.
    private static func inOrder(_ problems: [ConfigurationProblem]) -> [ConfigurationProblem] {
        func place(_ problem: ConfigurationProblem) -> (Int, Int) {
            switch problem.origin {
            case .builtIn: (0, 0)
            case .file(_, let line): (1, line ?? 0)
            case .variable: (2, 0)
            case .flag: (3, 0)
            }
        }
        return problems.enumerated()
            .sorted { a, b in
                let (first, second) = (place(a.element), place(b.element))
                return first == second ? a.offset < b.offset : first < second
            }
            .map(\.element)
    }
}

extension Configuration.Rule {
    /// What contradicts the rule, unless one of its keys is wrong by itself.
    fileprivate func problems(
        in configuration: Configuration, _ origins: [String: Origin], wrong: Set<String>
    ) -> [ConfigurationProblem] {
        guard wrong.isDisjoint(with: keys) else { return [] }
        return conflicts(configuration).map { conflict in
            // A default in the way of what somebody set is told where that was set.
            let origin = origins[conflict.key] ?? keys.sorted().compactMap { origins[$0] }.first ?? .builtIn
            return ConfigurationProblem(origin: origin, fault: .conflict(key: conflict.key, conflict.reason))
        }
    }
}
