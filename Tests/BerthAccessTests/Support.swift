import BerthCatalog
import BerthTestSupport
import Logging

@testable import BerthAccess

/// The seconds at which a manual clock begins.
let start = ManualClock().milliseconds() / 1000

/// A closed registry with one account, `ann`.
func withAccess(_ body: (Access, ManualClock) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        let clock = ManualClock()
        let catalog = try await Catalog.open(path: folder + "/berth.db", snapshots: folder, sync: .never)
        let access = try await Access.open(
            catalog, settings: AccessSettings(), clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        _ = try await access.addUser(AccountName("ann"), password: testPassword, isAdmin: false, by: .operator)
        try await body(access, clock)
        try await catalog.close()
    }
}
