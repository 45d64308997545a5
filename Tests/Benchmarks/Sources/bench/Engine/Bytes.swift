import Glibc

/// Bytes in memory of their own, kept for reuse and freed by the owner.
struct Bytes {
    private(set) var base: UnsafeMutablePointer<UInt8>
    private(set) var capacity: Int
    var count = 0

    init(capacity: Int) {
        base = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    func free() { base.deallocate() }

    /// The place for `more` bytes behind what is there; the caller writes them.
    mutating func grow(by more: Int) -> UnsafeMutablePointer<UInt8> {
        if count + more > capacity {
            let larger = max(2 * capacity, count + more)
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
            memcpy(memory, base, count)
            base.deallocate()
            (base, capacity) = (memory, larger)
        }
        defer { count += more }
        return base + count
    }

    mutating func append(_ bytes: UnsafePointer<UInt8>, _ length: Int) { memcpy(grow(by: length), bytes, length) }

    mutating func append(_ text: StaticString) { append(text.utf8Start, text.utf8CodeUnitCount) }

    mutating func append(_ other: Bytes) { append(other.base, other.count) }

    mutating func append(_ text: [UInt8]) {
        text.withUnsafeBufferPointer { if let start = $0.baseAddress { append(start, $0.count) } }
    }

    /// Decimal digits.
    mutating func append(_ number: Int) {
        var digits = 1
        var rest = number / 10
        while rest > 0 { (digits, rest) = (digits + 1, rest / 10) }
        let place = grow(by: digits)
        rest = number
        for index in stride(from: digits - 1, through: 0, by: -1) {
            place[index] = UInt8(48 + rest % 10)
            rest /= 10
        }
    }

    var text: String { String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self) }
}

extension Bytes {
    init(text: String) {
        self.init(capacity: max(1, text.utf8.count))
        append(Array(text.utf8))
    }
}
