/// A text that no log, listing or error shows. `reveal` is the one way to it.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package static let mask = "***"
    private let text: String

    package init(_ text: String) { self.text = text }

    package func reveal() -> String { text }
    package var description: String { Self.mask }
    package var debugDescription: String { Self.mask }
    /// `dump` and string interpolation of the value around it see the mask too.
    package var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
