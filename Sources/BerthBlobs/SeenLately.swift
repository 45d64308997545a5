import BerthModel
import Synchronization

/// Which digests were seen a while ago at the latest. It forgets, and takes one of some thousands for another.
final class SeenLately: Sendable {
    private static let places = 512
    /// 15 bits of the digest that was last noted in each place.
    private let noted = Mutex([UInt16](repeating: .max, count: places))

    /// True if `digest` was noted before and not forgotten since.
    func note(_ digest: Digest) -> Bool {
        // The lowest four bits have chosen who asks.
        let bits = digest.spread >> 4
        let (place, rest) = (Int(bits % UInt(Self.places)), UInt16(truncatingIfNeeded: bits / UInt(Self.places)))
        return noted.withLock { noted in
            if noted[place] == rest { return true }
            noted[place] = rest
            return false
        }
    }
}
