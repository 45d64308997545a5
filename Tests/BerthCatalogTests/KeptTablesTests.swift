import Testing

@testable import BerthCatalog

@Suite("What a restore leaves as it is")
struct KeptTablesTests {
    @Test("accounts and the audit log, table for table")
    func all() throws {
        let schema = try Catalog.schemaText()
        let tables = schema.matches(of: /CREATE TABLE ((?:access_|trust_|audit)[a-z_]*) \(/).map { String($0.1) }
        #expect(tables.count >= 14)
        let statements = KeptTables.replacing.map(\.description)
        for table in tables {
            #expect(statements.contains("DELETE FROM \(table)"))
            #expect(statements.contains("INSERT INTO \(table) SELECT * FROM present.\(table)"))
        }
        #expect(statements.count == 2 * tables.count)
    }
}
