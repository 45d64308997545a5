import Glibc

/// Single requests, outside of measurements.
enum Probe {
    /// Throws unless the server answers, whatever it answers.
    static func firstAnswer(port: Int, tls: Bool) throws {
        let table = RequestTable()
        table.add("GET", "/v2/", Expectation())
        let connection = Connection(client: OrderlyReader(table, beginningAt: 0), number: 0)
        try connection.connect(port: port, tls: tls ? TLSContext() : nil)
        table.write(0, to: connection)
        guard connection.send() == .whole else { throw BenchError("cannot send") }
        var wait = pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, 5000) == 1 else { throw BenchError("no answer within 5 s") }
        let inbox = Bytes(capacity: 64 << 10)
        defer { inbox.free() }
        if connection.receive(inbox).turn == .broken { throw BenchError("connection broke") }
    }
}
