import Foundation

/// Where things lie on disk.
enum Place {
    /// `Tests/BerthClientTests`.
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    /// The package's root.
    static let package = URL(fileURLWithPath: tests).deletingLastPathComponent().deletingLastPathComponent().path
    /// What `install-clients.sh` makes: `python` and `content`.
    static let clients = ProcessInfo.processInfo.environment["CLIENTS_FOLDER"] ?? "\(package)/.build/clients"
    /// The interpreter that has the clients from PyPI.
    static let python = "\(clients)/python/bin/python"

    static func script(_ name: String) -> String { "\(tests)/Scripts/\(name)" }
    /// A layer's file as `make-content.sh` names it.
    static func content(_ name: String) -> String { "\(clients)/content/\(name)" }
}
