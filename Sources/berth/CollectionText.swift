import BerthCatalog
import BerthCollector
import BerthConfig
import BerthModel

// What the collector has to say, for people and for programs.

extension CollectionPlan {
    var text: String {
        var lines = parts.map { part in
            "\(part.repository): \(part.links) items, \(sizeText(part.bytes)): \(part.reason.rawValue)"
        }
        if leavingBlobs > 0 {
            lines.append("on the way out already: \(leavingBlobs) items, \(sizeText(leavingBytes))")
        }
        if strayFiles > 0 {
            lines.append("files that the catalog does not know: \(strayFiles), \(sizeText(strayBytes))")
        }
        lines.append(
            "\(isCut ? "at least " : "")\(freedBlobs + leavingBlobs) items would be freed, "
                + sizeText(freedBytes + leavingBytes))
        return lines.joined(separator: "\n")
    }

    var json: JSON {
        .object([
            "parts": .array(
                parts.map { part in
                    .object([
                        "repository": .string(part.repository.text), "reason": .string(part.reason.rawValue),
                        "items": .number(part.links), "bytes": .number(Int(part.bytes)),
                    ])
                }),
            "freedItems": .number(freedBlobs + leavingBlobs), "freedBytes": .number(Int(freedBytes + leavingBytes)),
            "strayFiles": .number(strayFiles), "strayBytes": .number(Int(strayBytes)), "isCut": .bool(isCut),
        ])
    }
}

extension RoundReport {
    var text: String {
        var text = "freed \(freedBlobs) items, \(sizeText(freedBytes))"
        if isFirstLease { text += "; nothing that a client may still rely on was taken (--now takes it)" }
        if failedFiles > 0 { text += "; \(failedFiles) files could not be removed" }
        if strayFiles > 0 { text += "; \(strayFiles) files are unknown to the catalog and go after the window" }
        if lostFiles > 0 { text += "; \(lostFiles) files are missing or of a wrong size" }
        return text
    }

    var json: JSON {
        .object([
            "freedItems": .number(freedBlobs), "freedBytes": .number(Int(freedBytes)),
            "failedFiles": .number(failedFiles), "strayFiles": .number(strayFiles), "lostFiles": .number(lostFiles),
            "isWhole": .bool(isWhole), "isFirstLease": .bool(isFirstLease),
        ])
    }
}

extension ContentStory {
    /// In one sentence.
    var verdict: String {
        guard let content else {
            return isStray
                ? "a file without a row: it goes when its window is over"
                : "nothing is known of it: it was never here, or it has gone"
        }
        switch content.state {
        case .sweeping: return "going: its file is removed in this or the next round"
        case .doomed: return "going: nothing holds it"
        case .live: break
        }
        if holders.contains(where: { $0.windowLeft == nil }) { return "kept: a manifest names it or is it" }
        if !holders.isEmpty { return "kept: a deleted manifest that can still be brought back needs it" }
        if content.staged != nil { return "kept: it has not been given its place yet" }
        if links.contains(where: { $0.leaseLeft != nil }) {
            return "kept: a client sent it or was told of it, and may name it in a manifest"
        }
        if links.contains(where: { ($0.windowLeft ?? 0) > 0 }) { return "kept: deleted, and still to be brought back" }
        if isFirstLease { return "kept: the server has not been up for a lease yet" }
        return "goes with the next round"
    }

    func text(_ digest: Digest) -> String {
        var lines = ["\(digest): \(verdict)"]
        if let content {
            lines.append(
                "  \(sizeText(content.size)), \(content.state)\(content.isDamaged ? ", its file is damaged" : "")")
        }
        for holder in holders {
            let tags = holder.tags.isEmpty ? "" : " (" + holder.tags.map(\.text).joined(separator: ", ") + ")"
            let left = holder.windowLeft.map { ", deleted, back within \(durationText($0))" } ?? ""
            lines.append("  named by \(holder.repository)@\(holder.manifest)\(tags)\(left)")
        }
        for link in links {
            var parts = ["  in \(link.repository) as a \(link.kind)"]
            if let left = link.windowLeft { parts.append("deleted, back within \(durationText(left))") }
            if let left = link.leaseLeft { parts.append("leased for \(durationText(left))") }
            if link.isPromised { parts.append("a client was told of it") }
            if link.isFading { parts.append("fading") }
            lines.append(parts.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }

    func json(_ digest: Digest) -> JSON {
        .object([
            "digest": .string(digest.text), "verdict": .string(verdict),
            "state": content.map { .string("\($0.state)") } ?? .null,
            "bytes": content.map { .number(Int($0.size)) } ?? .null,
            "holders": .array(
                holders.map { holder in
                    .object([
                        "repository": .string(holder.repository.text), "manifest": .string(holder.manifest.text),
                        "tags": .array(holder.tags.map { .string($0.text) }),
                        "windowLeftSeconds": holder.windowLeft.map { .number(Int($0 / 1_000_000)) } ?? .null,
                    ])
                }),
            "links": .array(
                links.map { link in
                    .object([
                        "repository": .string(link.repository.text), "kind": .string("\(link.kind)"),
                        "leaseLeftSeconds": link.leaseLeft.map { .number(Int($0 / 1_000_000)) } ?? .null,
                        "windowLeftSeconds": link.windowLeft.map { .number(Int($0 / 1_000_000)) } ?? .null,
                    ])
                }),
        ])
    }
}

/// Bytes for people: `1.4 GiB`.
func sizeText(_ bytes: Int64) -> String {
    var (value, unit) = (bytes, 0)
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var tenths: Int64 = 0
    while value >= 1_024, unit < units.count - 1 {
        tenths = value % 1_024 * 10 / 1_024
        value /= 1_024
        unit += 1
    }
    return unit == 0 ? "\(value) bytes" : "\(value).\(tenths) \(units[unit])"
}

/// Microseconds for people: `2d 3h`, `4m 5s`.
func durationText(_ microseconds: Int64) -> String {
    let seconds = microseconds / 1_000_000
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
        .drop { $0.0 == 0 }
    return parts.isEmpty ? "0s" : parts.prefix(2).map { "\($0.0)\($0.1)" }.joined(separator: " ")
}
