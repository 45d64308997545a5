import NIOCore

/// A body as a list of bytes and file ranges, handed out in pieces, so that progress can be seen and little is held in
/// memory. No I/O.
struct OutputPlan {
    enum Piece {
        case bytes(ByteBuffer)
        case file(descriptor: CInt, offset: Int64, length: Int)
    }

    private enum Segment {
        case bytes(ByteBuffer)
        case file(Response.FileRange)
    }

    private let segments: [Segment]
    private var index = 0
    /// Bytes of the current file range that were handed out.
    private var done: Int64 = 0

    init(_ file: Response.FileRange) { self.init([.file(file)]) }

    init(_ parts: [Response.Part]) {
        self.init(
            parts.flatMap { part in [.bytes(part.bytes)] + (part.file.map { [.file($0)] } ?? []) })
    }

    private init(_ segments: [Segment]) {
        self.segments = segments.filter {
            switch $0 {
            case .bytes(let bytes): bytes.readableBytes > 0
            case .file(let range): range.length > 0
            }
        }
    }

    var isFinished: Bool { index >= segments.count }

    /// What keeps the descriptors open.
    var owners: [any AnyObject & Sendable] {
        segments.compactMap { if case .file(let range) = $0 { range.owner } else { nil } }
    }

    /// The next piece, of a file at most `limit` bytes; nil at the end.
    mutating func next(upTo limit: Int) -> Piece? {
        guard index < segments.count else { return nil }
        switch segments[index] {
        case .bytes(let bytes):
            index += 1
            return .bytes(bytes)
        case .file(let range):
            let length = min(range.length - done, Int64(limit))
            let offset = range.offset + done
            done += length
            if done >= range.length {
                index += 1
                done = 0
            }
            return .file(descriptor: range.descriptor, offset: offset, length: Int(length))
        }
    }
}
