import Testing

/// A real server under faults of its disk, its clients and its machine. Three parts, each one test after the other, so
/// that a small machine is not asked for everything at once.
@Suite("Faults")
enum FaultTests {
    @Suite("of single operations", .serialized)
    struct Operations {}

    @Suite("of a start's operations", .serialized)
    struct Starts {}

    @Suite("of whole servers", .serialized)
    struct Servers {}
}
