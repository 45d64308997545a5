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

    /// The environment variable of each key.
    var variables: [(variable: String, name: String)] {
        settings.map { (Self.variable(of: $0.name), $0.name) }
    }

    /// As the library that reads them encodes a key below `berth`. By ourselves, for a start does it for all keys, and the
    /// library takes a third of a millisecond for ten of them.
    static func variable(of name: String) -> String {
        let words = name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte & ~0x20
            case UInt8(ascii: "."): UInt8(ascii: "_")
            default: byte
            }
        }
        return "BERTH_" + String(decoding: words, as: UTF8.self)
    }
}
