import Glibc

/// One mebibyte of fixed random bytes, of which all content is made.
enum Pattern {
    static let bytes = 1 << 20

    /// Filled before the `static let` is there for anybody, which Swift orders; only read afterwards, and never freed.
    nonisolated(unsafe) static let base: UnsafePointer<UInt8> = {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes)
        var random = Random(seed: 1)
        memory.withMemoryRebound(to: UInt64.self, capacity: bytes / 8) { words in
            for index in 0..<bytes / 8 { words[index] = random.next() }
        }
        return UnsafePointer(memory)
    }()

    /// Whether `received` is what stands at `offset` of the pattern repeated for ever.
    static func matches(_ received: UnsafePointer<UInt8>, _ count: Int, at offset: Int) -> Bool {
        var done = 0
        while done < count {
            let position = (offset + done) % bytes
            let length = min(bytes - position, count - done)
            guard memcmp(received + done, base + position, length) == 0 else { return false }
            done += length
        }
        return true
    }
}

/// A small generator (splitmix64): the same numbers in every run.
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
