import Glibc

/// Single requests, outside of measurements.
enum Probe {
    /// Throws unless the server answers, whatever it answers.
    static func firstAnswer(port: Int, tls: Bool) throws {
        try ask(port: port, tls: tls, "/v2/", fields: "", .ignored) { connection, inbox in
            if connection.receive(inbox).turn == .broken { throw BenchError("connection broke") }
        }
    }

    /// The body of an answer with status 200.
    static func body(port: Int, _ target: String, fields: String) throws -> [UInt8] {
        var body: [UInt8] = []
        try ask(port: port, tls: false, target, fields: fields, .kept) { connection, inbox in
            while true {
                switch connection.receive(inbox).turn {
                case .whole:
                    body = Array(UnsafeBufferPointer(start: connection.kept.base, count: connection.kept.count))
                    return
                case .waits: try wait(connection)
                case .broken: throw BenchError("connection broke")
                }
            }
        }
        return body
    }

    private static func ask(
        port: Int, tls: Bool, _ target: String, fields: String, _ kind: Expectation.Body,
        _ answered: (Connection, Bytes) throws -> Void
    ) throws {
        let table = RequestTable()
        table.add("GET", target, fields: fields, Expectation(body: kind))
        let connection = Connection(client: OrderlyReader(table, beginningAt: 0), number: 0)
        try connection.connect(port: port, tls: tls ? TLSContext() : nil)
        table.write(0, to: connection)
        guard connection.send() == .whole else { throw BenchError("cannot send") }
        try wait(connection)
        let inbox = Bytes(capacity: 64 << 10)
        defer { inbox.free() }
        try answered(connection, inbox)
    }

    private static func wait(_ connection: Connection) throws {
        var wait = pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, 5000) == 1 else { throw BenchError("no answer within 5 s") }
    }
}
