import Glibc
package import Logging

/// Makes all loggers of the process write lines to standard error. Once per process, before the first logger is made.
/// The caller flushes the writer at the end, on every way out: lines still queued would be lost.
package func bootstrapLogging(level: Logger.Level, format: LogFormat) -> LogWriter {
    // A reader of our lines that goes away must not take the process with it.
    signal(SIGPIPE, SIG_IGN)
    let writer = LogWriter(format)
    LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level, writer: writer) }
    return writer
}
