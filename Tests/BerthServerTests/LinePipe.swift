import Glibc
import NIOPosix

/// A pipe to write lines into and read them from.
struct LinePipe {
    let readEnd: CInt
    let writeEnd: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw PipeFailure(errno: errno) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    struct PipeFailure: Error { let errno: CInt }

    /// Reads on a thread of its own, at once, until the writing end is closed; closes the reading end then.
    func startReading() -> Reading {
        let reading = Reading()
        let readEnd = readEnd
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        pool.submit { _ in
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
            reading.finish(whole.map { String(decoding: $0, as: UTF8.self) })
            pool.shutdownGracefully { _ in }
        }
        return reading
    }

    struct Reading: Sendable {
        private let stream: AsyncStream<String>
        private let continuation: AsyncStream<String>.Continuation

        fileprivate init() { (stream, continuation) = AsyncStream.makeStream() }

        fileprivate func finish(_ lines: [String]) {
            for line in lines { continuation.yield(line) }
            continuation.finish()
        }

        /// All lines, once the writing end is closed.
        func lines() async -> [String] { await stream.reduce(into: []) { $0.append($1) } }
    }

    func closeWriteEnd() { close(writeEnd) }

    func closeBoth() {
        close(readEnd)
        close(writeEnd)
    }
}
