import BerthCatalog
import BerthCollector
import BerthModel

extension JSONWriter {
    mutating func member(_ key: String, number: some FixedWidthInteger) {
        self.key(key)
        int(number)
    }
    /// Seconds, of microseconds; null where there are none.
    private mutating func member(_ key: String, seconds microseconds: Int64?) {
        self.key(key)
        if let microseconds { int(microseconds / 1_000_000) } else { null() }
    }
    private mutating func member(_ key: String, orNull text: String?) {
        self.key(key)
        if let text { string(text) } else { null() }
    }

    mutating func write(_ plan: CollectionPlan) {
        beginObject()
        key("parts")
        beginArray()
        for part in plan.parts {
            beginObject()
            member("repository", part.repository.text)
            member("reason", part.reason.rawValue)
            member("items", number: part.links)
            member("bytes", number: part.bytes)
            endObject()
        }
        endArray()
        member("leaving_items", number: plan.leavingBlobs)
        member("leaving_bytes", number: plan.leavingBytes)
        member("freed_items", number: plan.freedBlobs + plan.leavingBlobs)
        member("freed_bytes", number: plan.freedBytes + plan.leavingBytes)
        member("waiting_items", number: plan.waitingBlobs)
        member("waiting_bytes", number: plan.waitingBytes)
        member("waiting_left", seconds: plan.waitsFor)
        member("waiting_reason", orNull: plan.waitsBecause?.rawValue)
        member("stray_files", number: plan.strayFiles)
        member("stray_bytes", number: plan.strayBytes)
        member("is_cut", plan.isCut)
        key("items")
        beginArray()
        for item in plan.items {
            beginObject()
            member("digest", item.digest.text)
            member("repository", orNull: item.repository?.text)
            member("reason", item.reason.rawValue)
            member("bytes", number: item.bytes)
            endObject()
        }
        endArray()
        endObject()
    }

    mutating func write(_ report: RoundReport, _ damage: Damage) {
        beginObject()
        members(report, damage)
        member("is_working", false)
        endObject()
    }

    /// What rounds did that are over, and how far the one is that is under way.
    mutating func write(_ total: RoundReport, _ damage: Damage, _ present: RoundProgress?) {
        beginObject()
        members(total, damage)
        member("is_working", present != nil)
        member("step", orNull: present?.step.rawValue)
        member("round_freed_items", number: present?.report.freedBlobs ?? 0)
        member("round_freed_bytes", number: present?.report.freedBytes ?? 0)
        endObject()
    }

    private mutating func members(_ report: RoundReport, _ damage: Damage) {
        member("rounds", number: report.rounds)
        member("freed_items", number: report.freedBlobs)
        member("freed_bytes", number: report.freedBytes)
        member("failed_files", number: report.failedFiles)
        member("stray_files", number: report.strayFiles)
        member("lost_files", number: report.lostFiles)
        member("damaged_items", number: damage.count)
        member("damaged", damage.digests.map(\.text))
        member("is_whole", report.isWhole)
        member("is_first_lease", report.isFirstLease)
    }

    mutating func write(_ story: ContentStory, of digest: Digest) {
        beginObject()
        member("digest", digest.text)
        member("verdict", story.verdict)
        key("state")
        if let content = story.content { string("\(content.state)") } else { null() }
        key("bytes")
        if let content = story.content { int(content.size) } else { null() }
        member("is_damaged", story.content?.isDamaged ?? false)
        key("holders")
        beginArray()
        for holder in story.holders {
            beginObject()
            member("repository", holder.repository.text)
            member("manifest", holder.manifest.text)
            member("tags", holder.tags.map(\.text))
            member("window_left", seconds: holder.windowLeft)
            endObject()
        }
        endArray()
        key("links")
        beginArray()
        for link in story.links {
            beginObject()
            member("repository", link.repository.text)
            member("kind", "\(link.kind)")
            member("lease_left", seconds: link.leaseLeft)
            member("window_left", seconds: link.windowLeft)
            member("is_promised", link.isPromised)
            member("is_fading", link.isFading)
            endObject()
        }
        endArray()
        endObject()
    }
}

extension ContentStory {
    /// In one sentence.
    fileprivate var verdict: String {
        guard let content else {
            return isStray
                ? "a file without a row: it goes when its window is over"
                : "nothing is known of it: it was never here, or it has gone"
        }
        switch content.state {
        case .sweeping: return "going: its file is removed in this or the next round"
        case .doomed: return waits ?? "going: nothing holds it"
        case .live: break
        }
        if holders.contains(where: { $0.windowLeft == nil }) { return "kept: a manifest names it or is it" }
        if holders.contains(where: { ($0.windowLeft ?? 0) > 0 }) {
            return "kept: a deleted manifest that can still be brought back needs it"
        }
        if content.staged != nil { return "kept: it has not been given its place yet" }
        if links.contains(where: { $0.leaseLeft != nil }) {
            return "kept: a client sent it or was told of it, and may name it in a manifest"
        }
        if links.contains(where: { ($0.windowLeft ?? 0) > 0 }) { return "kept: deleted, and still to be brought back" }
        return waits ?? "goes with the next round"
    }

    /// Why nothing goes yet; nil: it does.
    private var waits: String? {
        if isFirstLease { return "kept: the server has not been up for a lease yet" }
        guard restoreLeft != nil else { return nil }
        return "kept: nothing holds it, but the catalog that a restore has replaced may need it"
    }
}
