import NIOPosix
import Synchronization

/// Stretches passwords on two threads of its own, so that logins starve nobody; beyond a bounded queue it says no.
final class PasswordQueue: Sendable {
    private static let threads = 2
    private static let longest = 64

    private let pool = NIOThreadPool(numberOfThreads: threads)
    private let waiting = Mutex(0)
    /// Hashes made since the start; equal work for unknown names is tested by it.
    private let counted = Atomic<Int>(0)
    /// Costs what a real one costs, and fits no password.
    private let decoy: String

    init() {
        pool.start()
        decoy = PasswordHash.make("no password \(UInt64.random(in: .min ... .max))") ?? "$y$j9T$"
    }

    deinit { pool.shutdownGracefully { _ in } }

    var stretched: Int { counted.load(ordering: .relaxed) }

    /// Whether `password` belongs to `hash`; without a hash that can be checked, the same work and false. bcrypt may be
    /// done sooner than that, so it comes on top. Throws `.busy`.
    func check(_ password: String, _ hash: String?) async throws(AccessError) -> Bool {
        let hash = hash.flatMap { PasswordHash.isKnown($0) ? $0 : nil }
        let isBcrypt = hash.map(PasswordHash.isBcrypt) ?? false
        return try await run(hashes: isBcrypt ? 2 : 1) { [decoy] in
            let isRight = PasswordHash.check(password, hash ?? decoy)
            if isBcrypt { _ = PasswordHash.check(password, decoy) }
            return isRight && hash != nil
        }
    }

    /// Throws `.busy`, or `.invalid` for a password that cannot be.
    func make(_ password: String) async throws(AccessError) -> String {
        if let objection = PasswordHash.objection(to: password) { throw .invalid(objection) }
        guard let hash = try await run({ PasswordHash.make(password) }) else {
            throw .invalid("this password cannot be stretched")
        }
        return hash
    }

    private func run<Value: Sendable>(
        hashes: Int = 1, _ work: @escaping @Sendable () -> Value
    ) async throws(AccessError) -> Value {
        let isAdmitted = waiting.withLock { waiting in
            guard waiting < Self.longest else { return false }
            waiting += 1
            return true
        }
        guard isAdmitted else { throw .busy }
        defer { waiting.withLock { $0 -= 1 } }
        counted.add(hashes, ordering: .relaxed)
        do { return try await pool.runIfActive { work() } } catch { throw .busy }
    }
}
