import Configuration

/// A value given on the command line.
package struct Override: Hashable, Sendable {
    package let key: String
    /// A list is written with commas.
    package let value: String
    /// The flag that carries it, as people see it: `--listen`.
    package let flag: String

    package init(key: String, value: String, flag: String = "--set") {
        (self.key, self.value, self.flag) = (key, value, flag)
    }
}

extension SettingsTable {
    /// The command line. A list given several times is all of them together; anything else given twice is a problem.
    func flagLayer(_ overrides: [Override], problems: inout [ConfigurationProblem]) -> Layer {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var flags: [String: String] = [:]
        for override in overrides {
            func problem(_ fault: ConfigurationProblem.Fault) {
                problems.append(ConfigurationProblem(origin: .flag(override.flag), fault: fault))
            }
            guard let setting = self[override.key] else {
                problem(.unknownKey(override.key, nearest: nearestName(to: override.key, among: names)))
                continue
            }
            let key = AbsoluteConfigKey(setting.components)
            if setting.isSecret {
                problem(.secretOnCommandLine(setting.name, variable: Self.variable(of: setting.name)))
            } else if setting.isList {
                var items: [String] = []
                if case .stringArray(let earlier) = values[key]?.content { items = earlier }
                if !override.value.isEmpty {
                    items += override.value.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
                }
                values[key] = ConfigValue(.stringArray(items), isSecret: false)
            } else if flags[setting.name] != nil {
                problem(.givenTwice(setting.name))
            } else {
                values[key] = ConfigValue(.string(override.value), isSecret: false)
            }
            flags[setting.name] = override.flag
        }
        let snapshot = InMemoryProvider(name: "flags", values: values).snapshot()
        let used = flags
        return Layer(snapshot: snapshot) { .flag(used[$0] ?? "--set") }
    }
}

private func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
}
