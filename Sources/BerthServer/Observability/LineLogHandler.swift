package import Logging

/// Makes swift-log's events into lines of a `LogWriter`.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let writer: LogWriter

    package init(label: String, level: Logger.Level, writer: LogWriter) {
        self.label = label
        self.logLevel = level
        self.writer = writer
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error, all[LogKey.error] == nil { all[LogKey.error] = "\(error)" }
        let fields = all.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { LogRecord.Field($0.key, .text($0.value.description)) }
        writer.write(
            LogRecord(
                time: .now(), level: event.level, label: label, message: event.message.description,
                fields: fields))
    }
}
