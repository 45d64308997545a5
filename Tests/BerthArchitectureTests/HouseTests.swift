import BerthCatalog
import Foundation
import Testing

/// What the house keeps in order.
@Suite("The house")
struct HouseTests {
    @Test("each room and each folder of the top level has its README")
    func readmes() throws {
        let rooms = try Project.rooms().map { "Sources/\($0)/README.md" }
        for path in rooms + ["README.md", "Storage/README.md", "Config/README.md", "deploy/README.md"] {
            #expect(try Project.text(path).count > 300, "\(path) says too little")
        }
    }

    @Test("the README of a room names each of its files, or their folder or family", arguments: try Project.rooms())
    func maps(room: String) throws {
        let readme = try Project.text("Sources/\(room)/README.md")
        for path in try Project.sources(of: room) {
            let parts = path.dropFirst("\(Project.root)/Sources/\(room)/".count).split(separator: "/")
            let name = parts.last.map { $0.dropLast(".swift".count) } ?? ""
            let family = name.split(separator: "+")[0]
            let isNamed =
                readme.contains(name) || readme.contains("`\(family)`")
                || parts.count > 1 && readme.contains("\(parts[0])/")
            #expect(isNamed, "\(room)/README.md does not name \(parts.joined(separator: "/"))")
        }
    }

    @Test(
        "nothing in the sources traps on purpose, prints, or sleeps on a thread",
        arguments: [
            "try!", "as!", "fatalError(", "Thread.sleep", "print(",
        ])
    func forbidden(text: String) throws {
        for path in try Project.swiftFiles(below: Project.root + "/Sources") {
            #expect(try !String(contentsOfFile: path, encoding: .utf8).contains(text), "\(path)")
        }
    }

    @Test("the schema in Storage/README.md is the schema of a new database")
    func schema() throws {
        #expect(try Project.text("Storage/README.md").contains(try Catalog.schemaText()))
    }
}
