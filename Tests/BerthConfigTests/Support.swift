import Foundation
import Testing

@testable import BerthConfig

/// A folder with one file, gone after `body`. The path is what problems name, so tests compare with it.
func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "berth-config-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "berth.yaml").path()
    try Data(text.utf8).write(to: URL(filePath: path))
    return try body(path)
}

/// What is said about a configuration, one line a problem, the file called by its last name alone. Empty: nothing is wrong.
func complaints(
    file text: String? = nil, environment: [String: String] = [:], flags: [Override] = []
) throws -> [String] {
    func lines(_ path: String?) -> [String] {
        do {
            _ = try Configuration.load(file: path, environment: environment, overrides: flags)
            return []
        } catch {
            return error.problems.map { problem in
                path.map { "\(problem)".replacing($0, with: "berth.yaml") } ?? "\(problem)"
            }
        }
    }
    guard let text else { return lines(nil) }
    return try withFile(text) { lines($0) }
}

/// The configuration that a file, an environment and flags make.
func load(
    file text: String? = nil, environment: [String: String] = [:], flags: [Override] = []
) throws -> LoadedConfiguration {
    guard let text else { return try Configuration.load(environment: environment, overrides: flags) }
    return try withFile(text) { try Configuration.load(file: $0, environment: environment, overrides: flags) }
}

/// What is said about one text of a kind: `nil` where it is right.
func hint<Value>(_ read: () throws(WrongValue) -> Value) -> String? {
    do {
        _ = try read()
        return nil
    } catch {
        return error.hint ?? "no"
    }
}
