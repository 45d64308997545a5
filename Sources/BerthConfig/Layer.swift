import Configuration

/// One source of values, to be asked key by key.
struct Layer {
    let snapshot: any ConfigSnapshot
    /// What stands before a key's own components here: `berth` in the environment.
    var prefix: [String] = []
    /// Keys that this source holds in a form that has been reported already.
    var spoilt: Set<String> = []
    let origin: (_ name: String) -> Origin

    /// The texts that this source gives for a key; `nil` where it has none. Throws where it has a list for a value or the reverse.
    func texts<Root>(for setting: Setting<Root>) throws -> [String]? {
        let key = AbsoluteConfigKey(prefix + setting.components)
        let value = try snapshot.value(forKey: key, type: setting.isList ? .stringArray : .string).value
        switch value?.content {
        case .string(let text): return [text]
        // An empty variable is the empty list.
        case .stringArray(let texts): return texts == [""] ? [] : texts
        default: return nil
        }
    }
}

extension SettingsTable {
    /// `root` with all that `layers` (in rising order) say, and where each value that was set comes from.
    ///
    /// A wrong value is a problem also where a higher source replaces it: it would come back when that goes.
    func applying(
        _ layers: [Layer], to root: Root, problems: inout [ConfigurationProblem]
    ) -> (root: Root, origins: [String: Origin]) {
        var root = root
        var origins: [String: Origin] = [:]
        for layer in layers {
            for setting in settings where !layer.spoilt.contains(setting.name) {
                do {
                    guard let texts = try layer.texts(for: setting) else { continue }
                    origins[setting.name] = layer.origin(setting.name)
                    try setting.assign(&root, texts)
                } catch {
                    problems.append(
                        ConfigurationProblem(origin: layer.origin(setting.name), fault: setting.fault(error)))
                }
            }
        }
        return (root, origins)
    }
}

extension Setting {
    func fault(_ error: any Error) -> ConfigurationProblem.Fault {
        guard let wrong = error as? WrongValue else {
            return .wrongShape(key: name, expected: expected, isList: isList)
        }
        let item = wrong.item ?? ""
        if item.isEmpty, !isList { return .noValue(key: name, expected: expected) }
        return .wrongValue(
            key: name, value: isSecret ? Secret.mask : ConfigurationProblem.quoted(item), isItem: isList,
            expected: expected, hint: wrong.hint)
    }
}
