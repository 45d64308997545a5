/// Numbers that come again with the same seed (SplitMix64), so that a failing case can be run again.
package struct SeededNumbers: RandomNumberGenerator, Sendable {
    private var state: UInt64
    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8]()
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: next()) { bytes += $0 } }
        return Array(bytes.prefix(count))
    }

    /// As many as one likes, faster: a piece of them again and again.
    package mutating func manyBytes(_ count: Int) -> [UInt8] {
        let piece = bytes(65_521)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + piece.count)
        while bytes.count < count { bytes += piece }
        return Array(bytes.prefix(count))
    }

    package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
