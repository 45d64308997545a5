/// One step of the schema. A released one is never edited. It runs in one transaction with the number that it leaves
/// behind, so a crash at any statement leaves the version before it.
struct Migration: Sendable {
    let number: Int
    let name: String
    let statements: [StaticString]

    static let all: [Migration] = [
        .first, .access, .certificates, .fileUsers, .trust, .collector, .tags, .repositories, .purge, .accessBounds,
        .restoring, .totals, .disabling, .purgeOrder, .numbers,
    ]
}
