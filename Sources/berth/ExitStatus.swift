import ArgumentParser

/// What the process ends with, besides 0 for success and 1 for failure.
enum ExitStatus {
    /// The command line is wrong.
    static let usage = ExitCode(2)
    /// The configuration is wrong.
    static let configuration = ExitCode(3)
}
