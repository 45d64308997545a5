/// How long things are kept that nothing keeps any more. Microseconds of registry time.
package struct CollectionTerms: Hashable, Sendable {
    /// How long "exists" holds: no push may take longer between two of its steps (G2).
    package var lease: Int64
    /// How long what people delete can be brought back (G5).
    package var window: Int64
    /// How long one upload may take: no lease is drawn out by uploads for longer.
    package var longestUpload: Int64

    package init(lease: Duration, window: Duration, longestUpload: Duration) {
        self.lease = lease.microseconds
        self.window = window.microseconds
        self.longestUpload = longestUpload.microseconds
    }
    /// Six hours, seven days, a day.
    package init() {
        self.init(lease: .seconds(6 * 3600), window: .seconds(7 * 86_400), longestUpload: .seconds(86_400))
    }
}

/// What the collector looks at before it takes something away. Always all of it; a test leaves one out to see that the
/// loss is found.
package struct CollectorGuards: OptionSet, Hashable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// A link whose lease has not run out stays.
    package static let lease = CollectorGuards(rawValue: 1 << 0)
    /// So does one that was promised in memory, when it fades and when it goes.
    package static let promise = CollectorGuards(rawValue: 1 << 1)
    /// So do the links of a repository in which an upload is at work.
    package static let upload = CollectorGuards(rawValue: 1 << 2)
    /// A link that a manifest of its repository needs stays.
    package static let linkEdge = CollectorGuards(rawValue: 1 << 3)
    /// A link fades in one transaction and goes in another one.
    package static let fading = CollectorGuards(rawValue: 1 << 4)
    /// Nothing goes during the first lease after a start.
    package static let firstLease = CollectorGuards(rawValue: 1 << 5)
    /// What people have deleted stays until its window is over.
    package static let window = CollectorGuards(rawValue: 1 << 6)
    /// Content with an edge is not doomed.
    package static let edge = CollectorGuards(rawValue: 1 << 7)
    /// Content with a link is not doomed.
    package static let link = CollectorGuards(rawValue: 1 << 8)
    /// Content that has not settled is not doomed.
    package static let staging = CollectorGuards(rawValue: 1 << 9)
    /// A file goes only while its row still says so.
    package static let file = CollectorGuards(rawValue: 1 << 10)
    /// A row goes only while it still says so.
    package static let row = CollectorGuards(rawValue: 1 << 11)

    /// What went along with another manifest stays as long as somebody may rely on it.
    package static let goneAlong = CollectorGuards(rawValue: 1 << 12)
    /// The link of a deleted manifest goes after the manifest.
    package static let manifestLink = CollectorGuards(rawValue: 1 << 13)
    /// A manifest whose purge has begun does not come back but by a push of its own.
    package static let begun = CollectorGuards(rawValue: 1 << 14)
    /// A deletion that is half done is finished before its purge begins.
    package static let detaching = CollectorGuards(rawValue: 1 << 15)
    /// What went along comes back with a push that was promised it.
    package static let entry = CollectorGuards(rawValue: 1 << 16)
    /// A manifest goes before what it lists, so that nothing comes back in part.
    package static let parentsFirst = CollectorGuards(rawValue: 1 << 17)
    /// Doomed content is looked at once more: a manifest may have come to name it that need not have it (a layer that is not
    /// meant to be distributed, an entry of a sparse index), and attaching those makes nothing live.
    package static let secondLook = CollectorGuards(rawValue: 1 << 18)
    /// Nothing hidden goes while something comes back in its repository.
    package static let restoring = CollectorGuards(rawValue: 1 << 19)
    /// Nothing is swept for a window after a restore.
    package static let restored = CollectorGuards(rawValue: 1 << 20)
    /// A file that a patrol has missed is looked for once more.
    package static let missed = CollectorGuards(rawValue: 1 << 21)

    /// Every one of them by itself.
    package static let each: [CollectorGuards] = [
        .lease, .promise, .upload, .linkEdge, .fading, .firstLease, .window, .edge, .link, .staging, .file, .row,
        .goneAlong, .manifestLink, .begun, .detaching, .entry, .parentsFirst, .secondLook, .restoring, .restored,
        .missed,
    ]
    package static let all = each.reduce(into: CollectorGuards()) { $0.formUnion($1) }
}

extension Duration {
    /// Whole ones; the largest number where it does not fit.
    package var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflowsToo) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return overflows || overflowsToo ? .max : sum
    }
}
