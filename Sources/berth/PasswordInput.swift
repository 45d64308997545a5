import ArgumentParser
import Foundation

/// Where a password comes from: never from the command line, which everybody on the machine can read.
struct PasswordInput: ParsableArguments {
    @Flag(help: "Read the password from standard input, up to its first line's end.")
    var passwordStdin = false

    @Flag(help: "Make a password, and show it once.")
    var generate = false

    func validate() throws {
        if passwordStdin, generate { throw ValidationError("Either --password-stdin or --generate.") }
    }

    /// The password, and whether it has to be shown because nobody knows it yet.
    func read() throws -> (password: String, isNew: Bool) {
        if passwordStdin {
            guard let line = readLine(strippingNewline: true), !line.isEmpty else {
                throw ValidationError("There is no password on standard input.")
            }
            return (line, false)
        }
        guard !generate, isatty(0) == 1 else { return (Self.made(), true) }
        let first = try ask("Password (empty: make one): ")
        if first.isEmpty { return (Self.made(), true) }
        guard try ask("The same again: ") == first else { throw ValidationError("These were two passwords.") }
        return (first, false)
    }

    /// 120 random bits, in characters that are easily told apart.
    private static func made() -> String {
        let letters = Array("abcdefghijkmnpqrstuvwxyz23456789")
        return (0..<24).map { $0 % 6 == 5 ? "\(letters.randomElement() ?? "x")-" : "\(letters.randomElement() ?? "x")" }
            .joined().trimmingCharacters(in: ["-"])
    }

    /// Asks on the terminal, which shows nothing of the answer.
    private func ask(_ question: String) throws -> String {
        FileHandle.standardError.write(Data(question.utf8))
        var before = termios()
        tcgetattr(0, &before)
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(0, TCSAFLUSH, &silent)
        defer {
            tcsetattr(0, TCSAFLUSH, &before)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        guard let line = readLine(strippingNewline: true) else { throw ValidationError("There is no password.") }
        return line
    }
}
