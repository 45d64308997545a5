/// How much is done.
struct Plan {
    var rounds = 5
    /// Length of one measurement.
    var seconds = 1.0
    /// Tiny versions of everything.
    var isSmoke = false

    /// Every how many answers the bytes are compared.
    var checksEvery: Int { isSmoke ? 1 : 64 }

    func pick<Value>(_ full: Value, smoke: Value) -> Value { isSmoke ? smoke : full }
}
