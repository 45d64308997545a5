/// What is measured: the table of all names, in the terms of Prometheus (units in names, `_total` for what only grows).
/// No label holds a repository, tag, user or address.
package struct Metric: Sendable, Hashable {
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    package let name: String
    /// One sentence.
    package let help: String
    package let kind: Kind
    /// Upper ends of a histogram's buckets, rising, the infinite one left out.
    let bounds: [Double]

    init(_ kind: Kind, _ name: String, _ help: String, bounds: [Double] = []) {
        self.name = name
        self.help = help
        self.kind = kind
        self.bounds = bounds
    }

    /// Seconds, from a cached answer to a large transfer.
    static let durations = [
        0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 120,
    ]
    static let batches: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
}

extension Metric {
    package static let requests = Metric(
        .counter, "berth_http_requests_total", "Requests that are over, by route, method and status.")
    package static let requestDuration = Metric(
        .histogram, "berth_http_request_duration_seconds",
        "Time from a request's head to the end of its answer.",
        bounds: durations)
    package static let requestBytes = Metric(
        .counter, "berth_http_request_bytes_total", "Bytes of request bodies that arrived.")
    package static let responseBytes = Metric(
        .counter, "berth_http_response_bytes_total", "Bytes of answers' bodies that were sent.")
    package static let connections = Metric(.gauge, "berth_http_connections", "Open connections.")
    package static let uploadsInProgress = Metric(
        .gauge, "berth_uploads_in_progress", "Uploads begun and neither finished nor cancelled.")
    package static let blobs = Metric(
        .gauge, "berth_blobs", "Blobs and manifests held, each counted once.")
    package static let blobBytes = Metric(
        .gauge, "berth_blob_bytes", "Bytes of the blobs and manifests held.")
    package static let repositories = Metric(.gauge, "berth_repositories", "Repositories.")
    package static let stagedBlobs = Metric(
        .gauge, "berth_staged_blobs", "Blobs committed whose file has not settled yet.")
    package static let collectorRounds = Metric(
        .counter, "berth_collector_rounds_total", "Rounds of collecting since the start.")
    package static let collectedBlobs = Metric(
        .counter, "berth_collected_blobs_total", "Blobs and manifests that were freed since the start.")
    package static let collectedBytes = Metric(
        .counter, "berth_collected_bytes_total", "Bytes that were freed since the start.")
    package static let collectorFailures = Metric(
        .counter, "berth_collector_failures_total", "Attempts to remove a file that failed.")
    package static let lostFiles = Metric(
        .counter, "berth_lost_files_total", "Blobs whose file was found missing or of a wrong size since the start.")
    package static let damagedBlobs = Metric(
        .gauge, "berth_damaged_blobs", "Blobs and manifests whose file is missing or of a wrong size now.")
    package static let commits = Metric(
        .counter, "berth_commits_total", "Transactions that the catalog committed.")
    package static let commitBatchClosures = Metric(
        .histogram, "berth_commit_batch_closures", "Changes that shared one transaction.",
        bounds: batches)
    package static let logLinesLost = Metric(
        .counter, "berth_log_lines_lost_total", "Log lines dropped because they were not taken in time."
    )
    package static let buildInfo = Metric(
        .gauge, "berth_build_info", "1, labelled with the version that runs.")
    package static let residentMemory = Metric(
        .gauge, "process_resident_memory_bytes", "Resident memory of the process.")
    package static let processorSeconds = Metric(
        .counter, "process_cpu_seconds_total", "Processor time of the process, in user and system mode."
    )
    package static let openDescriptors = Metric(.gauge, "process_open_fds", "Open file descriptors.")
    package static let startTime = Metric(
        .gauge, "process_start_time_seconds", "When the process started, in seconds since 1970.")

    static let all = [
        requests, requestDuration, requestBytes, responseBytes, connections, uploadsInProgress, blobs,
        blobBytes,
        repositories, stagedBlobs, collectorRounds, collectedBlobs, collectedBytes, collectorFailures, lostFiles,
        damagedBlobs,
        commits, commitBatchClosures, logLinesLost, buildInfo,
        residentMemory,
        processorSeconds, openDescriptors, startTime,
    ]
}
