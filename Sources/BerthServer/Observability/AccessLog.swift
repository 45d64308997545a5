package import BerthHTTP
import BerthModel
import HTTPTypes
package import Logging

/// One line a request. Of a target only what is known to be harmless is told, the repository and a tag or digest:
/// queries and upload locations carry secrets.
package struct AccessLog: Sendable {
    private let writer: LogWriter
    private let level: Logger.Level

    /// - Parameter level: the least that is written.
    package init(writer: LogWriter, level: Logger.Level) {
        self.writer = writer
        self.level = level
    }

    /// Callable on event loops: the line is made and written elsewhere.
    package func finished(_ request: RequestRecord) {
        let level = Self.level(of: request)
        guard level >= self.level else { return }
        let time = WallTime.now()
        writer.writeSoon(cost: Self.cost(of: request)) { Self.record(request, at: time, level) }
    }

    /// `info`, but for what nobody waits for: checks of our health, and clients that left before their answer.
    static func level(of request: RequestRecord) -> Logger.Level {
        switch request.labels.route {
        case "health", "metrics": .debug
        default: request.status.code == RequestRecord.clientLeft.code ? .debug : .info
        }
    }

    static func record(_ request: RequestRecord, at time: WallTime, _ level: Logger.Level)
        -> LogRecord
    {
        var fields: [LogRecord.Field] = []
        fields.reserveCapacity(12)
        fields.append(.init(LogKey.method, .text(request.method?.rawValue ?? "-")))
        fields.append(
            .init(LogKey.route, .text(request.labels.route.isEmpty ? "-" : request.labels.route)))
        if let repository = request.labels.repository {
            fields.append(.init(LogKey.repository, .text(repository)))
        }
        if let reference = reference(of: request) {
            fields.append(.init(LogKey.reference, .text(reference)))
        }
        fields.append(.init(LogKey.status, .integer(Int64(request.status.code))))
        fields.append(.init(LogKey.bytesIn, .integer(request.bytesIn)))
        fields.append(.init(LogKey.bytesOut, .integer(request.bytesOut)))
        fields.append(.init(LogKey.duration, .duration(request.duration)))
        fields.append(.init(LogKey.request, .text(request.id)))
        fields.append(.init(LogKey.client, .text(request.client)))
        if let agent = request.userAgent { fields.append(.init(LogKey.userAgent, .text(agent))) }
        if !request.isComplete { fields.append(.init(LogKey.complete, .flag(false))) }
        return LogRecord(
            time: time, level: level, label: "berth.access", message: "request", fields: fields)
    }

    /// The last segment of the path, where the route has a tag or digest there and it is one.
    private static func reference(of request: RequestRecord) -> String? {
        switch request.labels.route {
        case "manifest", "blob", "referrers": break
        default: return nil
        }
        let path = request.target.utf8.prefix { $0 != UInt8(ascii: "?") }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let segment = path[path.index(after: slash)...]
        // The longest digest is 135 bytes, and its colon may be encoded.
        guard segment.count <= 137, let text = String(segment) else { return nil }
        return try? Reference(withPlainColon(text)).description
    }

    /// `sha256%3A…` is the usual spelling of some clients.
    private static func withPlainColon(_ segment: String) -> String {
        let bytes = Array(segment.utf8)
        guard let percent = bytes.firstIndex(of: UInt8(ascii: "%")), bytes.count > percent + 2,
            bytes[percent + 1] == UInt8(ascii: "3"),
            bytes[percent + 2].asciiLowercased == UInt8(ascii: "a")
        else { return segment }
        return String(
            decoding: bytes[..<percent] + [UInt8(ascii: ":")] + bytes[(percent + 3)...], as: UTF8.self)
    }

    /// Bytes that a waiting line keeps in memory: its strings, and some for the rest.
    private static func cost(of request: RequestRecord) -> Int {
        384 + request.target.utf8.count + (request.userAgent?.utf8.count ?? 0)
            + (request.method?.rawValue.utf8.count ?? 0)
    }
}
