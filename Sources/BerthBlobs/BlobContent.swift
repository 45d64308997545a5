package import NIOCore

/// An open file that closes when its last owner lets go. `descriptor` is valid as long as the object lives.
package final class OpenFile: Sendable {
    package let descriptor: CInt
    /// In bytes, at the time of opening. Content is never changed afterwards (B2).
    package let size: Int64
    private let files: any FileOperations

    init(_ descriptor: CInt, size: Int64, files: any FileOperations) {
        (self.descriptor, self.size, self.files) = (descriptor, size, files)
    }

    deinit { files.close(descriptor) }
}

/// Content on its way to a reader.
package enum BlobContent: Sendable {
    case file(OpenFile)
    case bytes(ByteBuffer)

    /// In bytes.
    package var size: Int64 {
        switch self {
        case .file(let file): file.size
        case .bytes(let bytes): Int64(bytes.readableBytes)
        }
    }
}
