package import NIOCore

/// Bytes that are received by whoever writes them, and need not pass from one thread to another. One reader at a time.
package protocol DirectInput: Sendable {
    /// The next bytes, as many as `buffer` has room for, in slices of it and in place of what it held; waited for at most so
    /// long. nil: no more come this way, for now or for good. Blocks.
    func read(into buffer: inout ByteBuffer, waiting milliseconds: Int) -> [ByteBuffer]?
    /// The reader receives no more. May be repeated.
    func giveBack()
}
