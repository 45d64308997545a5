import Foundation

/// Whether an acknowledged write survives a power cut.
package enum SyncMode: String, Hashable, Sendable {
    case always
    /// For registries that may be thrown away.
    case never
}

/// Sizes and bounds; the defaults are those of promise C5.
package struct CatalogSettings: Sendable {
    /// Threads that read.
    package var readers = 3
    /// Connections for reads on the caller's own thread: as many event loops can read at a time.
    package var readersNow = min(8, max(1, ProcessInfo.processInfo.activeProcessorCount / 2))
    /// Whether an opening has the kernel read the database into its memory.
    package var warmsUp = true
    /// Entries that each cache keeps.
    package var cacheEntries = 131_072
    /// Closures in one commit.
    package var batchClosures = 256
    /// Bytes of content in one commit, unless a single closure brings more.
    package var batchBytes = 4 << 20
    /// How long a commit may go on taking in closures.
    package var batchDuration = Duration.milliseconds(5)
    /// How long a write that nobody waits for may stay in memory.
    package var lazyDelay = Duration.seconds(1)
    /// How stale the stored registry time may be.
    package var timeStaleness = Duration.seconds(10)
    /// Bytes of content in staging rows above which small uploads are refused until they have settled.
    package var stagedBytes: Int64 = 256 << 20
    /// Size of the write-ahead log from which on it is copied into the database.
    package var checkpointBytes = 64 << 20
    /// Size of the write-ahead log above which writes are refused until it could be emptied.
    package var logBytes = 1 << 30
    /// A database below this size is checked at start after an unclean stop.
    package var checkedBytes: Int64 = 256 << 20
    /// How long leases and deleted things last.
    package var terms = CollectionTerms()
    /// Promises of "exists" that are kept in memory.
    package var promises = 100_000
    /// Rows that a part of a deletion, a purge or a restoration touches (C6).
    package var rowsPerClosure = 1_000
    /// Does work that nobody waits for.
    package var meanwhile: @Sendable (_ work: @escaping @Sendable () async -> Void) -> Void = { work in
        Task { await work() }
    }
    /// Less than all of them only in tests.
    package var guards = CollectorGuards.all
    /// What LAYOUT says the registry is; a database of another registry is refused. Nil: take what is there.
    package var registryID: String?

    /// Where purges are remembered besides the catalog itself.
    package var purgeList: PurgeList?

    /// Told of each shared commit and how many closures it carried. On the writer's thread: must not block.
    package var committed: (@Sendable (_ closures: Int) -> Void)?
    /// Told once when writing stops until a restart, and why. On the writer's thread: must not block.
    package var stopped: (@Sendable (_ reason: String) -> Void)?

    package init() {}
}
