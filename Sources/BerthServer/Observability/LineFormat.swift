/// How a record looks as a line: exactly one line feed, at its end, whatever the record holds.
protocol LineFormat: Sendable {
    func append(_ record: LogRecord, to lines: inout [UInt8])
}
