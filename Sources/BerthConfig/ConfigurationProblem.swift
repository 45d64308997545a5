/// One thing wrong with a configuration: where, and what to do about it.
package struct ConfigurationProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let origin: Origin
    package let fault: Fault

    package enum Fault: Hashable, Sendable {
        case unreadable(String)
        case syntax(String)
        /// No value may be shown: it may be a secret under a wrong name.
        case unknownKey(String, nearest: String?)
        case unknownVariable(nearest: String?)
        case givenTwice(String)
        case noValue(key: String, expected: String)
        /// A value stands where a section belongs.
        case notASection(String, keys: [String])
        /// A list or section stands where one value belongs, or one value where a list does.
        case wrongShape(key: String, expected: String, isList: Bool)
        case wrongValue(key: String, value: String, isItem: Bool, expected: String, hint: String?)
        case secretOnCommandLine(String, variable: String)
        /// Values that are right each and wrong together.
        case conflict(key: String, String)
    }

    /// The key concerned, where it is known.
    package var key: String? {
        switch fault {
        case .unreadable, .syntax, .unknownKey, .unknownVariable, .notASection: nil
        case .givenTwice(let key), .noValue(let key, _), .wrongShape(let key, _, _), .wrongValue(let key, _, _, _, _),
            .secretOnCommandLine(let key, _), .conflict(let key, _):
            key
        }
    }

    package var description: String { "\(origin): \(text)" }

    private var text: String {
        switch fault {
        case .unreadable(let reason): "cannot be read: \(reason)"
        case .syntax(let reason): "is not YAML: \(reason)"
        case .unknownKey(let name, let nearest): "unknown key \(Self.shown(name))\(Self.suggestion(nearest))"
        case .unknownVariable(let nearest): "unknown variable\(Self.suggestion(nearest))"
        case .givenTwice(let key): "\(Self.shown(key)) is given twice"
        case .noValue(let key, let expected): "\(key) has no value; expected \(expected)"
        case .notASection(let name, let keys): "\(name) is a section; its keys are \(keys.joined(separator: ", "))"
        case .wrongShape(let key, let expected, false): "\(key) takes one value; expected \(expected)"
        case .wrongShape(let key, let expected, true): "\(key) takes a list; expected [...] with each item \(expected)"
        case .wrongValue(let key, let value, let isItem, let expected, let hint):
            "\(key) \(isItem ? "has" : "is") \(value); expected \(expected)" + (hint.map { " (\($0))" } ?? "")
        case .secretOnCommandLine(let key, let variable):
            "\(key) is a secret, and everybody sees a command line; use the file or \(variable)"
        case .conflict(let key, let reason): "\(key) \(reason)"
        }
    }

    private static func suggestion(_ nearest: String?) -> String { nearest.map { "; did you mean \($0)?" } ?? "" }

    /// A name as written, or in quotes where it is not plain.
    private static func shown(_ name: String) -> String {
        let isPlain = !name.isEmpty && name.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        return isPlain ? name : quoted(name)
    }

    /// In quotes, escaped, and cut where it is long.
    static func quoted(_ text: String) -> String {
        let limit = 100
        return text.count <= limit ? text.debugDescription : String(text.prefix(limit)).debugDescription + "…"
    }
}

/// Everything wrong with a configuration, in the order: file by line, environment, flags, conflicts.
package struct ConfigurationErrors: Error, Equatable, CustomStringConvertible {
    /// Never empty.
    package let problems: [ConfigurationProblem]

    /// One line a problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
