import Dispatch
import Glibc

/// A pipe to write lines into and read them from.
struct LinePipe {
    let readEnd: CInt
    let writeEnd: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw PipeFailure(errno: errno) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    struct PipeFailure: Error { let errno: CInt }

    /// All lines until the writing end is closed, which somebody else has to see to. Closes the reading end.
    func lines() async -> [String] {
        let readEnd = readEnd
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                var bytes: [UInt8] = []
                var chunk = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = read(readEnd, &chunk, chunk.count)
                    guard count > 0 else { break }
                    bytes += chunk[..<count]
                }
                close(readEnd)
                let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                // What follows the last line feed is nothing, unless a line was cut.
                let whole = lines.last?.isEmpty == true ? lines.dropLast() : lines[...]
                continuation.resume(returning: whole.map { String(decoding: $0, as: UTF8.self) })
            }
        }
    }

    func closeWriteEnd() { close(writeEnd) }

    func closeBoth() {
        close(readEnd)
        close(writeEnd)
    }
}
