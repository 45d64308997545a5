import BerthCatalog
import BerthTestSupport

/// Lets one of several tasks run at a time, from one step to the next, in an order that a seed decides.
///
/// `@unchecked`: a task touches it only while it is the one that runs, and resuming a continuation orders what the one
/// before did before what the next one does.
final class Stage: @unchecked Sendable {
    private struct Waiting {
        let player: Int
        let label: Label
        let mayGo: (() -> Bool)?
        let go: UnsafeContinuation<Bool, Never>
    }
    /// The one that runs.
    @TaskLocal static var player = -1

    private var waiting: [Waiting] = []
    private var director: UnsafeContinuation<Void, Never>?
    private var labels: [Int: String] = [:]
    private var players = 0
    /// Those before have been taken off: none of them goes on.
    private var retired = 0
    private(set) var random: SeededNumbers
    /// All that happened, in order.
    private var script: [Label] = []
    private var lastPlayer = -1
    /// A write has happened since it was set to false.
    var hasWritten = false
    /// A file has come or gone.
    var hasTouchedFile = false
    /// Pairs of steps of different players that followed each other.
    private(set) var pairs: Set<Pair> = []

    /// What a step does, and where in it.
    struct Label: Hashable {
        let act: String
        let place: String
        var text: String { place.isEmpty ? act : "\(act) \(place)" }
    }
    struct Pair: Hashable {
        let first: Label
        let second: Label
    }
    var count: Int { script.count }
    var text: String { script.map(\.text).joined(separator: ", ") }

    init(seed: UInt64) { random = SeededNumbers(seed: seed) }

    /// Brings a player on, as far as its first step.
    func enter(_ act: @escaping @Sendable () async -> Void) async {
        let player = players
        players += 1
        await withUnsafeContinuation { director in
            self.director = director
            Task {
                await Self.$player.withValue(player) { await act() }
                self.handBack()
            }
        }
    }

    /// Names what the running player does next.
    func does(_ label: String) { labels[Self.player] = label }

    func flips() -> Bool { random.next() & 3 == 0 }
    func below(_ bound: Int) -> Int { random.below(bound) }

    /// Waits for its turn. Throws when the process crashes instead.
    func step(_ place: String = "", when mayGo: (() -> Bool)? = nil) async throws(CatalogError) {
        let player = Self.player
        guard player >= retired || player < 0 else { throw .unavailable("crash") }
        let name = Label(act: labels[player] ?? "?", place: place)
        let goes = await withUnsafeContinuation { go in
            waiting.append(Waiting(player: player, label: name, mayGo: mayGo, go: go))
            handBack()
        }
        if !goes { throw .unavailable("crash") }
    }

    private func handBack() {
        let director = director
        self.director = nil
        director?.resume()
    }

    /// Lets somebody take a step. False: nobody can.
    func advance() async -> Bool {
        let able = waiting.indices.filter { waiting[$0].mayGo?() ?? true }
        guard !able.isEmpty else { return false }
        let next = waiting.remove(at: able[able.count == 1 ? 0 : random.below(able.count)])
        if lastPlayer != next.player, let last = script.last { pairs.insert(Pair(first: last, second: next.label)) }
        lastPlayer = next.player
        if next.label.place == "file" { hasTouchedFile = true }
        script.append(next.label)
        await resume(next, true)
        return true
    }

    /// The process is killed: whoever waits for it gets an error.
    func crash() async {
        script.append(Label(act: "crash", place: ""))
        let all = waiting
        waiting = []
        for one in all { await resume(one, false) }
    }

    /// Whoever is here ends with the next crash.
    func retireAll() { retired = players }

    var isEmpty: Bool { waiting.isEmpty }

    private func resume(_ one: Waiting, _ goes: Bool) async {
        await withUnsafeContinuation { director in
            self.director = director
            one.go.resume(returning: goes)
        }
    }
}
