/// Where a value comes from.
package enum Origin: Hashable, Sendable, CustomStringConvertible {
    case builtIn
    /// `line` counts from 1; `nil` is the file as a whole.
    case file(path: String, line: Int?)
    case variable(String)
    /// As on the command line: `--listen`, `--set`.
    case flag(String)

    package var description: String {
        switch self {
        case .builtIn: "default"
        case .file(let path, let line): line.map { "\(path):\($0)" } ?? path
        case .variable(let name): name
        case .flag(let flag): flag
        }
    }
}
