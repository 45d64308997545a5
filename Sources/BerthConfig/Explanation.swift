/// What `berth config show` tells of one key.
package struct Explanation: Hashable, Sendable {
    package let key: String
    /// As it is written in the file; `nil` where it is not set, masked where it is a secret.
    package let texts: [String]?
    package let isList: Bool
    package let origin: Origin
    package let doc: String

    /// One text for people: `[a, b]` for a list, `-` for nothing.
    package var value: String {
        guard let texts else { return "-" }
        return isList ? "[\(texts.joined(separator: ", "))]" : texts.joined()
    }

    /// One object for programs.
    package var json: JSON {
        let shown: JSON? = texts.map { texts in isList ? .array(texts.map { .string($0) }) : .string(texts.joined()) }
        return .object([
            "key": .string(key), "value": shown ?? .null, "source": .string("\(origin)"), "doc": .string(doc),
        ])
    }
}

extension LoadedConfiguration {
    /// Every key in the order of the table.
    package func explain() -> [Explanation] { Configuration.settings.explain(configuration, origins) }
}

extension SettingsTable {
    func explain(_ root: Root, _ origins: [String: Origin]) -> [Explanation] {
        settings.map { setting in
            let texts = setting.texts(root)
            return Explanation(
                key: setting.name,
                texts: setting.isSecret ? texts?.map { _ in Secret.mask } : texts,
                isList: setting.isList,
                origin: origins[setting.name] ?? .builtIn,
                doc: setting.doc
            )
        }
    }
}
