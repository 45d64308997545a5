/// Lines on their way to the writer, bounded by the memory that they hold. No I/O and no lock: see `LogWriter`.
struct LogQueue {
    enum Content: Sendable {
        case line([UInt8])
        /// Becomes a line on the writer's thread.
        case record(@Sendable () -> LogRecord)
    }

    enum Urgency {
        /// Can wait for others, and makes room first when there are too many.
        case routine
        case prompt
    }

    /// What has to be done for the line to be written in time.
    enum Wake: Equatable {
        /// Writing is under way.
        case none
        /// Begin to write, after waiting a little for more.
        case soon
        case now
        /// End the waiting.
        case hurry
    }

    /// Bytes that routine lines may hold; prompt ones as much again, so that no flood of requests hides a warning.
    let room: Int
    /// Lines dropped since the beginning.
    private(set) var dropped = 0
    private var reported = 0
    private var waiting: [Content] = []
    private var cost = 0
    private var scheduled = Wake.none

    init(room: Int) { self.room = room }

    /// Adds a line that holds about `cost` bytes, or drops and counts it.
    mutating func add(_ content: Content, cost: Int, _ urgency: Urgency) -> Wake {
        let limit = urgency == .prompt ? 2 * room : room
        guard cost <= limit - self.cost else {
            dropped += 1
            return .none
        }
        waiting.append(content)
        self.cost += cost
        let wake: Wake
        switch (urgency, scheduled) {
        case (.routine, .none): wake = .soon
        case (.prompt, .none): wake = .now
        case (.prompt, .soon): wake = .hurry
        default: return .none
        }
        scheduled = wake
        return wake
    }

    /// All that waits, in order, and how many lines were dropped since the last time.
    mutating func take() -> (lines: [Content], dropped: Int) {
        let taken = (waiting, dropped - reported)
        waiting = []
        cost = 0
        reported = dropped
        scheduled = .none
        return taken
    }
}
