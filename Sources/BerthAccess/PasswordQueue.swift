import NIOPosix
import Synchronization

/// Stretches passwords on two threads of its own, so that logins starve nobody; beyond a bounded queue it says no.
final class PasswordQueue: Sendable {
    private static let threads = 2
    private static let longest = 64

    private let pool = NIOThreadPool(numberOfThreads: threads)
    private let waiting = Mutex(0)
    /// Work done since the start: 1,000,000 for a hash of ours, for bcrypt its rounds; equal work for unknown names is
    /// tested by it.
    private let counted = Atomic<Int>(0)
    /// Costs what a real one costs, and fits no password. Made by the first check whoever asks for it, for a start that
    /// stretches a password is a slow one.
    private let decoy = Mutex<String?>(nil)

    init() { pool.start() }

    deinit { pool.shutdownGracefully { _ in } }

    var stretched: Int { counted.load(ordering: .relaxed) }

    static func work(_ hash: String) -> Int { PasswordHash.bcryptCost(hash).map { 1 << $0 } ?? 1_000_000 }

    /// Whether `password` belongs to `hash`. Whatever there is under a name, and also where there is nothing, the work is
    /// the same: one hash of ours, and, where anybody has a bcrypt hash, as much of bcrypt as the dearest one takes.
    /// Throws `.busy`.
    ///
    /// - Parameter dearest: the highest cost of bcrypt that anybody's hash has; nil: nobody has one.
    func check(_ password: String, _ hash: String?, dearest: Int?) async throws(AccessError) -> Bool {
        let hash = hash.flatMap { PasswordHash.isKnown($0) ? $0 : nil }
        let own = hash.flatMap(PasswordHash.bcryptCost)
        var decoys: [String?] = own == nil ? [] : [nil]
        if let own, let dearest {
            // Each cost is twice the work of the one before: with these, it is that of the dearest.
            decoys += (own..<max(own, dearest)).map { PasswordHash.bcryptDecoy(cost: $0) }
        } else if let dearest {
            decoys.append(PasswordHash.bcryptDecoy(cost: dearest))
        }
        return try await run([hash] + decoys) { [self, decoys] in
            let decoy = self.decoy.withLock { made in
                let decoy = made ?? PasswordHash.make("no password \(UInt64.random(in: .min ... .max))") ?? "$y$j9T$"
                made = decoy
                return decoy
            }
            let isRight = PasswordHash.check(password, hash ?? decoy)
            for other in decoys { _ = PasswordHash.check(password, other ?? decoy) }
            return isRight && hash != nil
        }
    }

    /// Throws `.busy`, or `.invalid` for a password that cannot be.
    func make(_ password: String) async throws(AccessError) -> String {
        if let objection = PasswordHash.objection(to: password) { throw .invalid(objection) }
        guard let hash = try await run([nil], { PasswordHash.make(password) }) else {
            throw .invalid("this password cannot be stretched")
        }
        return hash
    }

    /// - Parameter hashes: what is stretched against, for counting; nil: one of ours.
    private func run<Value: Sendable>(
        _ hashes: [String?], _ work: @escaping @Sendable () -> Value
    ) async throws(AccessError) -> Value {
        let isAdmitted = waiting.withLock { waiting in
            guard waiting < Self.longest else { return false }
            waiting += 1
            return true
        }
        guard isAdmitted else { throw .busy }
        defer { waiting.withLock { $0 -= 1 } }
        counted.add(hashes.reduce(0) { $0 + Self.work($1 ?? "") }, ordering: .relaxed)
        do { return try await pool.runIfActive { work() } } catch { throw .busy }
    }
}
