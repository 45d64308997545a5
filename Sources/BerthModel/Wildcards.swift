/// Text with `*` in it, which stands for any characters and for none.
enum Wildcards {
    /// With one place to go back to, the last `*`: no text costs more than the product of both lengths.
    static func fit(_ pattern: [UInt8], _ text: some Sequence<UInt8>) -> Bool {
        guard pattern.contains(UInt8(ascii: "*")) else { return text.elementsEqual(pattern) }
        let text = Array(text)
        var (p, t) = (0, 0)
        var retry: (p: Int, t: Int)?
        while t < text.count || p < pattern.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                retry = (p, t)
                p += 1
            } else if p < pattern.count, t < text.count, pattern[p] == text[t] {
                (p, t) = (p + 1, t + 1)
            } else if let last = retry, last.t < text.count {
                (p, t) = (last.p + 1, last.t + 1)
                retry = (last.p, last.t + 1)
            } else {
                return false
            }
        }
        return true
    }
}
