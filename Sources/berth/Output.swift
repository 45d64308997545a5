import BerthModel
import Foundation

/// What a command has to say. What steers a terminal is shown instead: names of others may stand in it. Where standard output or error cannot be written, nobody is left to be told.
enum Output {
    /// Results, on standard output.
    static func result(_ text: String) { line(text, to: .standardOutput) }

    /// What went wrong, on standard error.
    static func complaint(_ text: String) { line(text, to: .standardError) }

    private static func line(_ text: String, to handle: FileHandle) {
        let shown = text.showingSteering(except: "\n\t")
        let ended = shown.hasSuffix("\n") ? shown : shown + "\n"
        try? handle.write(contentsOf: Data(ended.utf8))
    }
}
