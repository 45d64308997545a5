import BerthTestSupport
import Foundation
import GRDB

/// Leaves a snapshot of what is there in a root, and the order to bring it back at the next start: whether that comes to
/// carry it out or not, the facts are the same.
func orderRestore(root: String) throws {
    let queue = try DatabaseQueue(path: "\(root)/berth.db")
    try queue.writeWithoutTransaction { database in
        try database.execute(sql: "VACUUM INTO ?", arguments: ["\(root)/snapshots/now.db"])
    }
    try queue.close()
    let order = Data("now.db\noperator\n".utf8)
    guard FileManager.default.createFile(atPath: "\(root)/restore-pending", contents: order) else {
        throw TestFailure("no order")
    }
}
