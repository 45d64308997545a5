import Configuration
import Foundation
import Yams

extension SettingsTable {
    /// The YAML file at `path`. `nil` where it cannot be used at all; `problems` then says why.
    ///
    /// Values come from the library's snapshot. A walk over the same text finds what that does not tell: unknown keys, lines,
    /// keys without a value.
    func fileLayer(_ path: String, problems: inout [ConfigurationProblem]) -> Layer? {
        func problem(_ line: Int?, _ fault: ConfigurationProblem.Fault) {
            problems.append(ConfigurationProblem(origin: .file(path: path, line: line), fault: fault))
        }
        let bytes: Data
        do { bytes = try readFile(path) } catch {
            problem(nil, .unreadable(error.reason))
            return nil
        }
        let root: Node
        do {
            // Comments alone are a file too: it sets nothing.
            guard let document = try Yams.Parser(yaml: String(decoding: bytes, as: UTF8.self)).singleRoot() else {
                return nil
            }
            root = document
        } catch {
            let (line, fault) = Self.fault(error)
            problem(line, fault)
            return nil
        }
        if root.isNull { return nil }
        guard let mapping = root.mapping else {
            problem(root.mark?.line, .syntax("sections and keys are expected, as in \"storage:\""))
            return nil
        }
        var walk = FileWalk(table: self)
        walk.visit(mapping, section: [])
        for (line, fault) in walk.faults { problem(line, fault) }
        do {
            let snapshot = try YAMLSnapshot(data: bytes.bytes, providerName: path, parsingOptions: .default)
            let lines = walk.lines
            return Layer(snapshot: snapshot, spoilt: walk.spoilt) { .file(path: path, line: lines[$0]) }
        } catch {
            // Lists within lists and the like, which the walk has seen.
            if walk.faults.isEmpty { problem(nil, .syntax("\(error)")) }
            return nil
        }
    }

    private static func fault(_ error: any Error) -> (line: Int?, ConfigurationProblem.Fault) {
        switch error as? YamlError {
        case .duplicatedKeysInMapping(let names, let context):
            (context.mark.line, .givenTwice(names.joined(separator: ", ")))
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (mark.line, .syntax(problem))
        case .reader(let problem, _, _, _): (nil, .syntax(problem))
        default: (nil, .syntax("\(error)"))
        }
    }
}

/// Which keys a file holds, on which lines, and what is wrong with them besides their values.
private struct FileWalk<Root: Sendable> {
    let table: SettingsTable<Root>
    private(set) var lines: [String: Int] = [:]
    private(set) var spoilt: Set<String> = []
    private(set) var faults: [(line: Int?, ConfigurationProblem.Fault)] = []

    init(table: SettingsTable<Root>) { self.table = table }

    mutating func visit(_ mapping: Node.Mapping, section: [String]) {
        for (key, value) in mapping {
            let line = key.mark?.line
            let name = (section + [key.scalar?.string ?? "?"]).joined(separator: ".")
            if let setting = table[name] {
                visit(setting, value, line)
            } else if table.isSection(name) {
                // A section whose keys are all commented out is empty, and that is fine.
                if value.isNull { continue }
                if let inner = value.mapping {
                    visit(inner, section: section + [key.scalar?.string ?? "?"])
                } else {
                    faults.append((line, .notASection(name, keys: table.keys(of: name))))
                }
            } else {
                faults.append((line, .unknownKey(name, nearest: nearestName(to: name, among: table.names))))
            }
        }
    }

    private mutating func visit(_ setting: Setting<Root>, _ value: Node, _ line: Int?) {
        if lines[setting.name] != nil { faults.append((line, .givenTwice(setting.name))) }
        lines[setting.name] = line
        let isWellFormed = value.sequence.map { $0.allSatisfy { $0.scalar != nil } } ?? (value.scalar != nil)
        if value.isNull {
            faults.append((line, .noValue(key: setting.name, expected: setting.expected)))
        } else if !isWellFormed {
            faults.append(
                (line, .wrongShape(key: setting.name, expected: setting.expected, isList: setting.isList)))
        } else {
            return
        }
        spoilt.insert(setting.name)
    }
}

extension Node {
    /// Nothing after the colon, or one of YAML's words for it.
    fileprivate var isNull: Bool { scalar != nil && tag == Tag(.null) }
}

private struct UnreadableFile: Error { let reason: String }

/// At most 1 MiB: no configuration is longer, and a wrong path may lead to anything.
private func readFile(_ path: String) throws(UnreadableFile) -> Data {
    let limit = 1 << 20
    guard let handle = FileHandle(forReadingAtPath: path) else {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UnreadableFile(reason: "no such file")
        }
        throw UnreadableFile(reason: "permission denied")
    }
    defer { try? handle.close() }
    let bytes: Data
    do { bytes = try handle.read(upToCount: limit + 1) ?? Data() } catch {
        throw UnreadableFile(reason: "it is a folder or cannot be read")
    }
    guard bytes.count <= limit else { throw UnreadableFile(reason: "it is longer than 1 MiB") }
    guard String(validating: bytes, as: UTF8.self) != nil else { throw UnreadableFile(reason: "it is not UTF-8") }
    return bytes
}
