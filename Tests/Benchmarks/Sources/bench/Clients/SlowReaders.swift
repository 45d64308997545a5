import Glibc

/// Connections that each ask for a large blob and take little of it at a time.
struct SlowReaders {
    private static let bytesPerTurn = 4 << 10

    private let connections: [Connection]

    /// Connects and asks for the table's first request.
    init(_ count: Int, port: Int, _ table: RequestTable) throws {
        connections = (0..<count).map { Connection(client: OrderlyReader(table, beginningAt: 0), number: $0) }
        for connection in connections {
            try connection.connect(port: port, tls: nil)
            connection.client.next(connection)
            guard connection.send() == .whole else { throw BenchError("cannot send a request") }
        }
    }

    /// Reads a little on each connection about every 100 ms. Returns what went wrong.
    func read(seconds: Double) -> [String] {
        let end = Clock.now() + UInt64(seconds * 1e9)
        let inbox = Bytes(capacity: Self.bytesPerTurn)
        defer { inbox.free() }
        var complaints: [String] = []
        while Clock.now() < end {
            for connection in connections where connection.complaint == nil {
                let (turn, _) = connection.receive(inbox)
                if turn == .broken { connection.complain("connection broke") }
                if let complaint = connection.complaint { complaints.append(complaint) }
            }
            usleep(100_000)
        }
        return complaints
    }
}
