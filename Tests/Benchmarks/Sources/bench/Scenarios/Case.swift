/// One table of the results: the same work for each entrant.
struct Case {
    let name: String
    let title: String
    var unit = CostUnit.microseconds
    var root = Entrant.Root.empty
    var tls = false
    /// Servers that cannot do it, with the reason for the reader.
    var absent: @Sendable (any Server) -> String? = { _ in nil }
    /// Who takes part; without it each server does, on `root`.
    var entrants: [Entrant]?
    /// Whose goals they are.
    var subject = "berth"
    var goals: [Goal] = []
    /// Bytes that one measurement writes, about; 0 where it only reads. So much memory is touched, and the file system
    /// flushed, before each.
    var writes = 0
    /// What the kernel remembers of the entrants' files.
    var pageCache = PageCache.asItIs
    /// Whether each round has a process of its own.
    var restarts = false
    /// Rounds at the most, where one takes long.
    var mostRounds = Int.max
    /// Done once for each entrant before its first round.
    var prepare: (Trial) throws -> Void = { _ in }
    /// Measures one round.
    let measure: (Trial) throws -> Measurement
}

/// What the kernel remembers of a root's files when a measurement begins.
enum PageCache {
    /// What the cases before have left.
    case asItIs
    /// All of it: the files are read before the first round.
    case warm
    /// Nothing: it is told to forget before each measurement.
    case cold
}

/// A server with what it serves.
struct Entrant {
    enum Root {
        /// A new one for each case.
        case empty
        /// A new one for each round, which goes with its process at the end of it: where a round writes so much that all
        /// of them would fill a disk.
        case emptyEachRound
        /// Shared with other cases, which only read.
        case kept(Dataset)
        /// A dataset in a new root, that the case may change.
        case own(Dataset)
    }

    /// As in the results.
    let label: String
    let server: any Server
    let root: Root
    /// Why it does not take part after all.
    var absence: String?
}

/// A scenario: cases that belong together.
protocol Scenario: Sendable {
    var name: String { get }
    /// A line for lists and headings.
    var summary: String { get }
    /// - Parameter servers: those that are there, for cases that choose their entrants.
    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case]
}

/// Why a server without an API, or without writes, has no numbers.
enum Absence {
    @Sendable static func noAPI(_ server: any Server) -> String? {
        server.isRegistry ? nil : "serving files"
    }

    /// For cold cases.
    @Sendable static func noForgetting(_ server: any Server) -> String? {
        Files.canForget ? nil : "the right to empty the kernel's caches"
    }

    @Sendable static func noPush(_ server: any Server) -> String? { server.takesPushes ? nil : "taking no pushes" }
}
