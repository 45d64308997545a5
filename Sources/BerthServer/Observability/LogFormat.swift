import Glibc

/// What the operator asks for.
package enum LogFormat: String, Sendable, CaseIterable {
    /// `text` on a terminal, `json` elsewhere.
    case auto
    case text
    case json

    /// Colours are for terminals alone, and for those who did not say no: https://no-color.org.
    func lines(for descriptor: CInt) -> any LineFormat {
        let isTerminal = isatty(descriptor) == 1
        let isColored = isTerminal && getenv("NO_COLOR") == nil
        switch self {
        case .auto: return isTerminal ? TextLines(isColored: isColored) : JSONLines()
        case .text: return TextLines(isColored: isColored)
        case .json: return JSONLines()
        }
    }
}
