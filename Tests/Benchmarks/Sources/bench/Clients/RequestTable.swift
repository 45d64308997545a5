import Glibc

/// Requests without bodies, written once and sent often.
///
/// Unchecked: one thread fills it before `Load.run` starts the threads that read it, and nothing adds to it after that.
final class RequestTable: @unchecked Sendable {
    private struct Entry {
        let offset: Int
        let length: Int
        let expectation: Expectation
    }

    private var heads = Bytes(capacity: 64 << 10)
    private var entries: [Entry] = []
    /// Bytes that expectations point to.
    private var owned: [UnsafeMutablePointer<UInt8>] = []

    deinit {
        heads.free()
        for bytes in owned { bytes.deallocate() }
    }

    var count: Int { entries.count }

    /// - Parameter fields: further lines of the head, each with its end.
    func add(_ method: String, _ target: String, fields: String = "", _ expectation: Expectation) {
        let start = heads.count
        heads.append(Array("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n".utf8))
        var expectation = expectation
        expectation.isHead = method == "HEAD"
        entries.append(Entry(offset: start, length: heads.count - start, expectation: expectation))
    }

    /// A body to expect, copied.
    func keep(_ bytes: [UInt8]) -> Expectation.Body {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        bytes.withUnsafeBufferPointer { if let base = $0.baseAddress { memcpy(copy, base, bytes.count) } }
        owned.append(copy)
        return .bytes(copy, bytes.count)
    }

    func write(_ index: Int, to connection: Connection) {
        let entry = entries[index]
        connection.begin(entry.expectation)
        connection.out.append(heads.base + entry.offset, entry.length)
    }
}

/// Sends requests of a table in a random order, for ever.
final class RandomReader: Client {
    private let table: RequestTable
    private var random: Random

    init(_ table: RequestTable, seed: Int) {
        self.table = table
        random = Random(seed: UInt64(seed) &+ 17)
    }

    func next(_ connection: Connection) { table.write(random.below(table.count), to: connection) }
    func answered(_ connection: Connection) -> Bool { true }
}

/// Sends the requests of a table in their order, each connection beginning elsewhere.
final class OrderlyReader: Client {
    private let table: RequestTable
    private var index: Int

    init(_ table: RequestTable, beginningAt index: Int) {
        self.table = table
        self.index = index % table.count
    }

    func next(_ connection: Connection) {
        table.write(index, to: connection)
        index = (index + 1) % table.count
    }
    func answered(_ connection: Connection) -> Bool { true }
}

/// Sends whatever request of a table is next for all connections together.
final class SharedReader: Client {
    private let table: RequestTable
    private let next: () -> Int

    init(_ table: RequestTable, next: @escaping () -> Int) { (self.table, self.next) = (table, next) }

    func next(_ connection: Connection) { table.write(next(), to: connection) }
    func answered(_ connection: Connection) -> Bool { true }
}
