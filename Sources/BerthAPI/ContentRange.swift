import BerthModel
import BerthRegistry
import HTTPTypes

extension ChunkRange {
    /// Reads the `Content-Range` of a chunk: `0-1023` as the distribution specification writes it, or
    /// `bytes 0-1023/2048` as RFC 9110 does. Nil where the header is absent; throws where it cannot be read.
    static func read(_ header: String?) throws(Refusal) -> ChunkRange? {
        guard let header else { return nil }
        var text = header.utf8.trimmingSpaces()
        if text.starts(with: "bytes".utf8) { text = text.dropFirst(5).trimmingSpaces() }
        if let slash = text.firstIndex(of: UInt8(ascii: "/")) { text = text[..<slash] }
        let ends = text.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int64(decimal: ends[0]), let last = Int64(decimal: ends[1]),
            let range = ChunkRange(first: first, last: last)
        else {
            throw Refusal(.badRequest, .sizeInvalid, "Content-Range has to be '<first byte>-<last byte>'.")
        }
        return range
    }
}
