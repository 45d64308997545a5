// Characters that a terminal obeys instead of showing them.

extension Unicode.Scalar {
    /// Control characters of both sets (C1 holds a one-character CSI), line and paragraph separators, and what changes
    /// the direction of writing. All are below U+10000.
    package var steersOutput: Bool {
        switch value {
        case 0x00...0x1f, 0x7f...0x9f, 0x061c, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }
}

extension String {
    /// With `\u001b` and the like for what steers a terminal, but for the characters in `kept`.
    package func showingSteering(except kept: String = "") -> String {
        guard unicodeScalars.contains(where: \.steersOutput) else { return self }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar.steersOutput, !kept.unicodeScalars.contains(scalar) {
                let hex = String(scalar.value, radix: 16)
                shown.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - hex.count))\(hex)".unicodeScalars)
            } else {
                shown.append(scalar)
            }
        }
        return String(shown)
    }
}
