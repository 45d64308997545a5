// What the administration says of collecting, in words for people.

enum CollectionText {
    typealias Fields = [String: Any]

    static func plan(_ plan: Fields) -> String {
        var lines = items(plan, "parts").map { part in
            "\(text(part, "repository")): \(number(part, "items")) items, \(size(part, "bytes")): "
                + text(part, "reason")
        }
        if number(plan, "leaving_items") > 0 {
            lines.append(
                "on the way out already: \(number(plan, "leaving_items")) items, \(size(plan, "leaving_bytes"))")
        }
        if number(plan, "waiting_items") > 0 {
            let left = durationText(seconds(plan, "waiting_left") ?? 0)
            lines.append(
                "kept for \(left) more, for \(text(plan, "waiting_reason")): "
                    + "\(number(plan, "waiting_items")) items, \(size(plan, "waiting_bytes"))")
        }
        if number(plan, "stray_files") > 0 {
            lines.append(
                "files that the catalog does not know: \(number(plan, "stray_files")), \(size(plan, "stray_bytes"))")
        }
        let atLeast = plan["is_cut"] as? Bool == true ? "at least " : ""
        lines.append("\(atLeast)\(number(plan, "freed_items")) items would be freed, \(size(plan, "freed_bytes"))")
        return lines.joined(separator: "\n")
    }

    static func report(_ report: Fields) -> String {
        var text = "freed \(number(report, "freed_items")) items, \(size(report, "freed_bytes"))"
        if report["is_working"] as? Bool == true {
            text += "; a round is under way: \(self.text(report, "step")), "
            text += "\(number(report, "round_freed_items")) items freed, \(size(report, "round_freed_bytes"))"
        }
        if report["is_first_lease"] as? Bool == true {
            text += "; nothing that a client may still rely on was taken"
        }
        if number(report, "failed_files") > 0 {
            text += "; \(number(report, "failed_files")) files could not be removed"
        }
        if number(report, "stray_files") > 0 {
            text += "; \(number(report, "stray_files")) files are unknown to the catalog and go after the window"
        }
        if number(report, "lost_files") > 0 {
            text += "; \(number(report, "lost_files")) files were found missing or of a wrong size"
        }
        let digests = report["damaged"] as? [String] ?? []
        guard !digests.isEmpty else { return text }
        let count = number(report, "damaged_items")
        text +=
            "\ndamaged until their bytes are pushed again: \(count) items, whose files are missing or of a wrong size"
        text += digests.map { "\n  \($0)" }.joined()
        if count > digests.count { text += "\n  and \(count - digests.count) more" }
        return text
    }

    static func story(_ story: Fields) -> String {
        var lines = ["\(text(story, "digest")): \(text(story, "verdict"))"]
        if let state = story["state"] as? String {
            let damage = story["is_damaged"] as? Bool == true ? ", its file is damaged" : ""
            lines.append("  \(size(story, "bytes")), \(state)\(damage)")
        }
        for holder in items(story, "holders") {
            let tags = holder["tags"] as? [String] ?? []
            let names = tags.isEmpty ? "" : " (" + tags.joined(separator: ", ") + ")"
            let left = seconds(holder, "window_left").map { ", deleted, back within \(durationText($0))" } ?? ""
            lines.append("  named by \(text(holder, "repository"))@\(text(holder, "manifest"))\(names)\(left)")
        }
        for link in items(story, "links") {
            var parts = ["  in \(text(link, "repository")) as a \(text(link, "kind"))"]
            if let left = seconds(link, "window_left") { parts.append("deleted, back within \(durationText(left))") }
            if let left = seconds(link, "lease_left") { parts.append("leased for \(durationText(left))") }
            if link["is_promised"] as? Bool == true { parts.append("a client was told of it") }
            if link["is_fading"] as? Bool == true { parts.append("fading") }
            lines.append(parts.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }

    private static func items(_ fields: Fields, _ key: String) -> [Fields] { fields[key] as? [Fields] ?? [] }
    private static func text(_ fields: Fields, _ key: String) -> String { fields[key] as? String ?? "-" }
    private static func number(_ fields: Fields, _ key: String) -> Int { fields[key] as? Int ?? 0 }
    private static func size(_ fields: Fields, _ key: String) -> String { sizeText(Int64(number(fields, key))) }
    private static func seconds(_ fields: Fields, _ key: String) -> Int64? { (fields[key] as? Int).map(Int64.init) }
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

/// Seconds for people: `2d 3h`, `4m 5s`.
func durationText(_ seconds: Int64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
        .drop { $0.0 == 0 }
    return parts.isEmpty ? "0s" : parts.prefix(2).map { "\($0.0)\($0.1)" }.joined(separator: " ")
}
