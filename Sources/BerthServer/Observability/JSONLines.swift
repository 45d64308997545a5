import Logging

/// For machines: an object a line (RFC 8259) with `time`, `level`, `label` and `message`. The fields are in an object
/// of their own, `metadata`, so that none can pass for one of these.
struct JSONLines: LineFormat {
    func append(_ record: LogRecord, to lines: inout [UInt8]) {
        lines.append(contentsOf: #"{"time":""#.utf8)
        record.time.append(to: &lines)
        lines.append(contentsOf: #"","level":""#.utf8)
        lines.append(contentsOf: record.level.rawValue.utf8)
        lines.append(contentsOf: #"","label":"#.utf8)
        lines.appendQuoted(record.label)
        lines.append(contentsOf: #","message":"#.utf8)
        lines.appendQuoted(record.message)
        if !record.fields.isEmpty { append(record.fields, to: &lines) }
        lines.append(contentsOf: "}\n".utf8)
    }

    private func append(_ fields: [LogRecord.Field], to lines: inout [UInt8]) {
        lines.append(contentsOf: #","metadata":"#.utf8)
        var separator = UInt8(ascii: "{")
        for field in fields {
            lines.append(separator)
            separator = UInt8(ascii: ",")
            lines.appendQuoted(field.key)
            lines.append(UInt8(ascii: ":"))
            switch field.value {
            case .text(let text): lines.appendQuoted(text)
            case .integer, .flag, .duration:
                lines.append(contentsOf: (field.value.literal ?? "null").utf8)
            }
        }
        lines.append(UInt8(ascii: "}"))
    }
}
