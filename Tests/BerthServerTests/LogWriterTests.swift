import BerthModel
import Logging
import Testing

@testable import BerthServer

@Suite("Writing the log")
struct LogWriterTests {
    private let patience = Duration.seconds(300)

    @Test("events of swift-log become lines, the nearest metadata wins, keys are in order")
    func handler() async throws {
        let pipe = try LinePipe()
        let writer = LogWriter(JSONLines(), to: pipe.writeEnd)
        var handler = LineLogHandler(label: "berth.test", level: .debug, writer: writer)
        handler.metadata = ["b": "handler", "a": "handler"]
        handler.metadataProvider = Logger.MetadataProvider { ["b": "provider", "c": "provider"] }
        var logger = Logger(label: "berth.test") { _ in handler }
        logger[metadataKey: "d"] = "logger"
        logger.trace("not this one")
        logger.debug("blob committed", metadata: ["c": "event", "list": ["x", "y"], "number": "\(7)"])
        #expect(writer.flush(patience: patience))
        pipe.closeWriteEnd()
        let lines = await pipe.startReading().lines()
        #expect(lines.count == 1)
        let written =
            #","level":"debug","label":"berth.test","message":"blob committed","metadata":{"a":"handler","#
            + #""b":"provider","c":"event","d":"logger","list":"[\"x\", \"y\"]","number":"7"}}"#
        #expect(lines.first?.hasSuffix(written) == true)
    }

    @Test("lines of many threads arrive whole, each once")
    func concurrentLines() async throws {
        let pipe = try LinePipe()
        let writer = LogWriter(JSONLines(), to: pipe.writeEnd, room: 64 << 20)
        let reading = pipe.startReading()
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<500 {
                        let field = LogRecord.Field("n", .integer(Int64(task * 500 + number)))
                        let filler = LogRecord.Field("filler", .text(String(repeating: "f", count: number)))
                        if number.isMultiple(of: 2) {
                            writer.write(.sample(.info, [field, filler]))
                        } else {
                            writer.writeSoon(cost: 1000) { .sample(.info, [field, filler]) }
                        }
                    }
                }
            }
        }
        #expect(writer.flush(patience: patience))
        pipe.closeWriteEnd()
        var numbers: [Int64] = []
        for line in await reading.lines() {
            guard case .object(let object) = try JSONValue(parsing: Array(line.utf8)),
                case .object(let metadata)? = object["metadata"], case .integer(let number)? = metadata["n"]
            else { continue }
            numbers.append(number)
        }
        #expect(numbers.sorted() == Array(0..<4000))
        #expect(writer.lost == 0)
    }

    @Test("flush waits for lines that would have waited for company")
    func flush() async throws {
        let pipe = try LinePipe()
        let writer = LogWriter(TextLines(isColored: false), to: pipe.writeEnd)
        writer.writeSoon(cost: 1) { .sample() }
        #expect(writer.flush(patience: patience))
        pipe.closeWriteEnd()
        #expect(await pipe.startReading().lines() == ["2026-02-28T23:59:58.007Z INFO     something happened"])
    }

    @Test("when nobody reads, callers go on, lines are dropped, and a line says how many")
    func stuckReader() async throws {
        let pipe = try LinePipe()
        let writer = LogWriter(TextLines(isColored: false), to: pipe.writeEnd, room: 4096)
        // More than pipe, queue and the batch on its way can hold.
        let filler = String(repeating: "f", count: 500)
        for _ in 0..<2000 { writer.write(.sample(message: filler)) }
        #expect(!writer.flush(patience: .zero))
        let reading = pipe.startReading()
        #expect(writer.flush(patience: patience))
        pipe.closeWriteEnd()
        var written = 0
        var reported = 0
        for line in await reading.lines() {
            if let mark = line.range("lines="), let count = Int(line[mark...]) {
                #expect(line.hasPrefix("20"))
                reported += count
            } else {
                #expect(line == "2026-02-28T23:59:58.007Z INFO     \(filler)")
                written += 1
            }
        }
        #expect(reported > 0)
        #expect(written + reported == 2000)
        #expect(writer.lost == reported)
    }

    @Test("lines that the descriptor refuses are counted")
    func brokenDescriptor() throws {
        let pipe = try LinePipe()
        pipe.closeBoth()
        let writer = LogWriter(TextLines(isColored: false), to: -1)
        writer.write(.sample())
        writer.write(.sample())
        #expect(writer.flush(patience: patience))
        #expect(writer.lost == 2)
    }
}

@Suite("Lines that wait")
struct LogQueueTests {
    @Test("the first wakes the writer soon, a prompt one hurries it, the rest do not again")
    func wakes() {
        var queue = LogQueue(room: 100)
        #expect(queue.add(.line([1]), cost: 1, .routine) == .soon)
        #expect(queue.add(.line([2]), cost: 1, .routine) == .none)
        #expect(queue.add(.line([3]), cost: 1, .prompt) == .hurry)
        #expect(queue.add(.line([4]), cost: 1, .prompt) == .none)
        #expect(queue.add(.line([5]), cost: 1, .routine) == .none)
        #expect(queue.take().lines.count == 5)
        #expect(queue.add(.line([6]), cost: 1, .prompt) == .now)
        #expect(queue.take().lines.count == 1)
        #expect(queue.take().lines.isEmpty)
    }

    @Test("routine lines fill half of the room, prompt ones all of it; each drop is reported once")
    func bound() {
        var queue = LogQueue(room: 100)
        #expect(queue.add(.line([]), cost: 100, .routine) == .soon)
        #expect(queue.add(.line([]), cost: 1, .routine) == .none)
        #expect(queue.dropped == 1)
        #expect(queue.add(.line([]), cost: 100, .prompt) == .hurry)
        #expect(queue.add(.line([]), cost: 1, .prompt) == .none)
        #expect(queue.add(.line([]), cost: .max, .prompt) == .none)
        #expect(queue.dropped == 3)
        let taken = queue.take()
        #expect(taken.lines.count == 2)
        #expect(taken.dropped == 3)
        #expect(queue.add(.line([]), cost: 100, .routine) == .soon)
        #expect(queue.take().dropped == 0)
        #expect(queue.dropped == 3)
    }
}

extension StringProtocol {
    /// Where the text after `mark` begins.
    func range(_ mark: String) -> Index? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(mark) { return rest.index(rest.startIndex, offsetBy: mark.count) }
            rest = rest.dropFirst()
        }
        return nil
    }
}
