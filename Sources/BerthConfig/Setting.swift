/// One key: its name, what it sets in `Root`, and all that is told about it. The default is what a new `Root` holds.
struct Setting<Root: Sendable>: Sendable {
    /// Lower snake case, sections and key with dots between: `http.limits.request_line`.
    let name: String
    /// One line, for the shipped file and for editors.
    let doc: String
    let isList: Bool
    /// Never shown, and refused on the command line, which every process of the machine can read.
    let isSecret: Bool
    /// Whether a running server takes it up anew on SIGHUP.
    let reloads: Bool
    let expected: String
    let example: String
    /// Members of the JSON schema that describe one value (of a list: one item).
    let schema: [String: JSON]
    /// Sets the value that the texts write: exactly one, or any number for a list. In the error, `item` is the text at fault.
    let assign: @Sendable (inout Root, [String]) throws(WrongValue) -> Void
    /// The value as texts that `assign` takes; `nil` where it is not set.
    let texts: @Sendable (Root) -> [String]?

    var components: [String] { name.split(separator: ".").map(String.init) }

    /// A key that always has a value.
    init<Value>(
        _ name: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ kind: ValueKind<Value>,
        reloads: Bool = false,
        doc: String
    ) {
        self.init(
            name, kind, doc: doc, isList: false, reloads: reloads,
            assign: { root, texts throws(WrongValue) in root[keyPath: path] = try Self.read(texts.first ?? "", kind) },
            texts: { [kind.write($0[keyPath: path])] }
        )
    }

    /// A key that is not set unless somebody sets it.
    init<Value>(
        _ name: String, optional path: any WritableKeyPath<Root, Value?> & Sendable, _ kind: ValueKind<Value>,
        reloads: Bool = false, doc: String
    ) {
        self.init(
            name, kind, doc: doc, isList: false, reloads: reloads,
            assign: { root, texts throws(WrongValue) in root[keyPath: path] = try Self.read(texts.first ?? "", kind) },
            texts: { root in root[keyPath: path].map { [kind.write($0)] } }
        )
    }

    /// A key with any number of values.
    init<Value>(
        _ name: String, list path: any WritableKeyPath<Root, [Value]> & Sendable, _ kind: ValueKind<Value>,
        reloads: Bool = false, doc: String
    ) {
        self.init(
            name, kind, doc: doc, isList: true, reloads: reloads,
            assign: { root, texts throws(WrongValue) in
                var values: [Value] = []
                for text in texts { values.append(try Self.read(text, kind)) }
                root[keyPath: path] = values
            },
            texts: { $0[keyPath: path].map(kind.write) }
        )
    }

    private init<Value>(
        _ name: String, _ kind: ValueKind<Value>, doc: String, isList: Bool, reloads: Bool,
        assign: @escaping @Sendable (inout Root, [String]) throws(WrongValue) -> Void,
        texts: @escaping @Sendable (Root) -> [String]?
    ) {
        (self.name, self.doc, self.isList, self.reloads) = (name, doc, isList, reloads)
        isSecret = Value.self == Secret.self
        (expected, example, schema) = (kind.expected, kind.example, kind.schema)
        (self.assign, self.texts) = (assign, texts)
    }

    private static func read<Value>(_ text: String, _ kind: ValueKind<Value>) throws(WrongValue) -> Value {
        do {
            return try kind.read(text)
        } catch {
            var wrong = error
            wrong.item = text
            throw wrong
        }
    }
}
