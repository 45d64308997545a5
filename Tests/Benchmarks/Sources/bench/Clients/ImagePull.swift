/// Pulls images: the manifest, then each blob. `table` holds them one behind the other, `requests` for each image.
final class ImagePull: Client {
    let kind: Int
    private let table: RequestTable
    private let requests: Int
    private var random: Random
    private var image = 0
    private var step = 0

    init(_ table: RequestTable, requests: Int, seed: Int, kind: Int = 0) {
        (self.table, self.requests, self.kind) = (table, requests, kind)
        random = Random(seed: UInt64(seed) &+ 29)
    }

    func next(_ connection: Connection) {
        if step == 0 { image = random.below(table.count / requests) }
        table.write(image * requests + step, to: connection)
    }

    func answered(_ connection: Connection) -> Bool {
        step = (step + 1) % requests
        return step == 0
    }

    func restart() { step = 0 }
}

/// Does one thing `times` times, then the other once, and so on; connections begin at different places of the turn.
final class Alternating: Client {
    private let often: any Client
    private let seldom: any Client
    private let times: Int
    private var place: Int
    private var hasEnded = false

    init(_ often: any Client, times: Int, _ seldom: any Client, beginningAt place: Int) {
        (self.often, self.seldom, self.times) = (often, seldom, times)
        self.place = place % (times + 1)
    }

    private var present: any Client { place < times ? often : seldom }

    var kind: Int { present.kind }

    func next(_ connection: Connection) {
        if hasEnded { place = (place + 1) % (times + 1) }
        hasEnded = false
        present.next(connection)
    }

    func answered(_ connection: Connection) -> Bool {
        hasEnded = present.answered(connection)
        return hasEnded
    }

    func restart() {
        hasEnded = false
        often.restart()
        seldom.restart()
    }
}
