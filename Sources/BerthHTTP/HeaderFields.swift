package import HTTPTypes

/// The fields of a request or an answer in the order in which they are sent. A plain list: there are about ten, and an
/// index of them, as HTTPFields keeps, costs a dictionary and a lock for each message.
package struct HeaderFields: Sendable, ExpressibleByDictionaryLiteral {
    package struct Field: Sendable {
        package let name: HTTPField.Name
        package let value: String
    }

    package private(set) var list: [Field]

    package init(capacity: Int) {
        list = []
        list.reserveCapacity(capacity)
    }

    package init(dictionaryLiteral fields: (HTTPField.Name, String)...) {
        self.init(capacity: max(8, fields.count))
        for (name, value) in fields { append(name, value) }
    }

    /// The first value under `name`. Setting one replaces all that are there; nil removes them.
    package subscript(name: HTTPField.Name) -> String? {
        get { list.first { $0.name == name }?.value }
        set {
            if list.contains(where: { $0.name == name }) { list.removeAll { $0.name == name } }
            if let newValue { append(name, newValue) }
        }
    }

    /// Adds a field beside those of its name.
    package mutating func append(_ name: HTTPField.Name, _ value: String) {
        list.append(Field(name: name, value: value))
    }

    package mutating func append(contentsOf other: HeaderFields) { list += other.list }

    /// All values under `name`.
    package func values(of name: HTTPField.Name) -> [String] { list.filter { $0.name == name }.map(\.value) }
}
