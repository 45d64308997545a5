import Foundation

/// The checkout that these tests were built from.
enum Project {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Rooms under Sources/ that hold Swift.
    static func rooms() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root + "/Sources")
            .filter { try !sources(of: $0).isEmpty }
            .sorted()
    }

    static func sources(of room: String) throws -> [String] { try swiftFiles(below: root + "/Sources/" + room) }

    static func swiftFiles(below folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".swift") }
            .map { folder + "/" + $0 }
            .sorted()
    }

    static func text(_ path: String) throws -> String { try String(contentsOfFile: root + "/" + path, encoding: .utf8) }
}
