extension Configuration {
    /// `Config/berth.yaml`: every key with its default and its line. Loading it changes nothing.
    package static var template: String { settings.template(defaults: Configuration()) }

    /// `Config/berth.schema.json`, for editors.
    package static var schema: String { settings.schema(defaults: Configuration()).text }
}

extension SettingsTable {
    func template(defaults: Root) -> String {
        var lines = [
            "# yaml-language-server: $schema=berth.schema.json",
            "# Every key with its default; a key behind # has none, and shows an example. Write into your own file only what you change.",
            "# Each key is an environment variable too (storage.sync is BERTH_STORAGE_SYNC) and a flag (--set storage.sync=never),",
            "# which win over the file in this order. \"berth config check\" checks, \"berth config show\" lists what holds.",
        ]
        var open: [String] = []
        for setting in settings {
            let section = Array(setting.components.dropLast())
            let shared = zip(open, section).prefix { $0 == $1 }.count
            for depth in shared..<section.count {
                if depth == 0 { lines.append("") }
                let indent = String(repeating: "  ", count: depth)
                if let doc = sections[section[...depth].joined(separator: ".")] { lines.append("\(indent)# \(doc)") }
                lines.append("\(indent)\(section[depth]):")
            }
            open = section
            let indent = String(repeating: "  ", count: section.count)
            lines.append("\(indent)# \(setting.doc)")
            lines.append(indent + setting.line(setting.texts(defaults)))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func schema(defaults: Root) -> JSON {
        guard case .object(var members) = section(named: [], defaults) else { return .null }
        members["$schema"] = .string("http://json-schema.org/draft-07/schema#")
        members["title"] = .string("Configuration of Berth")
        return .object(members)
    }

    private func section(named path: [String], _ defaults: Root) -> JSON {
        var properties: [String: JSON] = [:]
        for setting in settings where setting.components.starts(with: path) {
            let rest = setting.components.dropFirst(path.count)
            guard let word = rest.first, properties[word] == nil else { continue }
            properties[word] = rest.count == 1 ? setting.description(defaults) : section(named: path + [word], defaults)
        }
        var members: [String: JSON] = [
            // A section of which every key is commented out is null.
            "type": .array([.string("object"), .string("null")]),
            "additionalProperties": .bool(false),
            "properties": .object(properties),
        ]
        if let doc = sections[path.joined(separator: ".")] { members["description"] = .string(doc) }
        return .object(members)
    }
}

extension Setting {
    private var word: String { components.last ?? name }

    /// The key in the shipped file.
    fileprivate func line(_ texts: [String]?) -> String {
        guard let texts else { return "# \(word): \(Self.scalar(example))" }
        if isList { return "\(word): [\(texts.map(Self.scalar).joined(separator: ", "))]" }
        return "\(word): \(texts.map(Self.scalar).joined())"
    }

    /// Plain where YAML takes it for nothing else than the text it is.
    private static func scalar(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "/._-".utf8.contains(byte)
            }
        }
        return isPlain && !text.isEmpty ? text : text.debugDescription
    }

    /// The key in the schema.
    fileprivate func description(_ defaults: Root) -> JSON {
        var members = isList ? ["type": .string("array"), "items": .object(schema)] : schema
        members["description"] = .string(doc)
        if !isSecret, let texts = texts(defaults) {
            members["default"] =
                isList ? .array(texts.map { .string($0) }) : Self.literal(texts.joined(), schema["type"])
        }
        return .object(members)
    }

    /// A default in the type that the schema asks for.
    private static func literal(_ text: String, _ type: JSON?) -> JSON {
        switch type {
        case .string("integer"): Int(text).map { .number($0) } ?? .string(text)
        case .string("boolean"): .bool(text == "true")
        default: .string(text)
        }
    }
}
