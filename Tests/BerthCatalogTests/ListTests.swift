import BerthModel
import Testing

@testable import BerthCatalog

@Suite("Lists")
struct ListTests {
    @Test("tags come in byte order, after any text, at most so many")
    func tags() async throws {
        try await withCatalog { test in
            for text in ["b", "B", "a", "_", "10", "9", "a.b", "a-b"] { _ = try await test.push(1, tags: [text]) }
            func list(_ after: String?, _ limit: Int) async throws -> [String]? {
                try await test.catalog.tags(in: test.name(), after: after, limit: limit)?.map(\.text)
            }
            let all = ["10", "9", "B", "_", "a", "a-b", "a.b", "b"]
            #expect(try await list(nil, 99) == all)
            #expect(try await list("B", 2) == ["_", "a"])
            #expect(try await list("A", 1) == ["B"])
            #expect(try await list("a\u{0}", 1) == ["a-b"])
            #expect(try await list("zzz%", 9) == [])
            #expect(try await list("\u{1F600}", 9) == [])
            #expect(try await list(nil, 0) == [])
            #expect(try await list(nil, -1) == [])
            #expect(try await test.catalog.tags(in: test.name("no/such"), after: nil, limit: 9) == nil)
        }
    }

    @Test("repositories are those with a manifest, in byte order")
    func repositories() async throws {
        try await withCatalog { test in
            for text in ["b", "a/c", "a", "a-b"] { _ = try await test.push(1, to: text) }
            try await test.pushBlob(5, to: "only/blobs")
            func list(_ after: String?, _ limit: Int) async throws -> [String] {
                try await test.catalog.repositories(after: after, limit: limit).map(\.text)
            }
            #expect(try await list(nil, 99) == ["a", "a-b", "a/c", "b"])
            #expect(try await list("a", 2) == ["a-b", "a/c"])
            #expect(try await list("a0", 9) == ["b"])
            _ = try await test.delete(1, in: "a/c")
            #expect(try await list(nil, 99) == ["a", "a-b", "b"])
        }
    }

    @Test("a search finds the text as it stands: no wildcards")
    func search() async throws {
        try await withCatalog { test in
            for text in ["library/nginx", "library/nginx_exporter", "team/nginx.old", "other/box"] {
                _ = try await test.push(1, to: text)
            }
            try await test.pushBlob(2, to: "blobs/nginx")
            func find(_ text: String, after: String? = nil, _ limit: Int = 10) async throws -> [String] {
                try await test.catalog.search(text, after: after, limit: limit).map(\.text)
            }
            #expect(try await find("nginx") == ["library/nginx", "library/nginx_exporter", "team/nginx.old"])
            #expect(try await find("nginx_") == ["library/nginx_exporter"])
            #expect(try await find("%") == [])
            #expect(try await find("_") == ["library/nginx_exporter"])
            #expect(try await find("NGINX") == [])
            #expect(try await find("' OR 1=1 --") == [])
            #expect(try await find("nginx", after: "library/nginx", 1) == ["library/nginx_exporter"])
            #expect(try await find("nginx", after: "team/nginx.old") == [])
            #expect(try await find("nginx", -4) == [])
            #expect(try await find("").count == 4)
        }
    }

    @Test("referrers: all that name the subject, by type, in pages, with what they say")
    func referrers() async throws {
        try await withCatalog { test in
            _ = try await test.push(1)
            for number in 10..<20 {
                _ = try await test.push(
                    number, subject: 1, artifactType: number % 2 == 0 ? "a/even" : "a/odd",
                    annotations: ["n": "\(number)", "\u{e9}\"": "\u{0}\n"])
            }
            _ = try await test.push(30, entries: [1], subject: 1)
            _ = try await test.push(31, subject: 1, to: "b/b")
            func list(_ types: [String] = [], _ after: ReferrerCursor? = nil, _ limit: Int = 99) async throws
                -> [Referrer]
            {
                try await test.catalog.referrers(
                    of: digest(1), in: test.name(), artifactTypes: types, after: after, limit: limit)
            }
            let all = try await list()
            #expect(all.map(\.digest) == (Array(10..<20) + [30]).map(digest))
            #expect(all.first?.annotations == ["n": "10", "\u{e9}\"": "\u{0}\n"])
            #expect(all.first?.artifactType == "a/even")
            #expect(all.last?.artifactType == nil && all.last?.type == .ociIndex)
            #expect(try await list(["a/odd"]).map(\.digest) == [11, 13, 15, 17, 19].map(digest))
            #expect(try await list(["a/odd", "a/even", "a/none", "a/odd"]).count == 10)
            #expect(try await list(["a/none"]).isEmpty)

            var seen: [Referrer] = []
            while true {
                // As a client would bring it back.
                let cursor = seen.last.flatMap { ReferrerCursor($0.cursor.text) }
                let page = try await list(["a/odd", "a/even"], cursor, 3)
                if page.isEmpty { break }
                seen += page
            }
            #expect(seen == Array(all.dropLast()))
            _ = try await test.delete(12)
            #expect(try await list().count == 10)
            #expect(
                try await test.catalog.referrers(
                    of: digest(1), in: test.name("no/such"), artifactTypes: [], after: nil, limit: 9
                ).isEmpty)
            for text in ["", "0", "-1", "+1", "1 ", "99999999999999999999", "a"] {
                #expect(ReferrerCursor(text) == nil, "\(text)")
            }
        }
    }

    @Test("a page costs the same among ten tags and among a million (C6)")
    func cost() async throws {
        var settings = CatalogSettings()
        settings.readers = 1
        var costs: [[Int64]] = []
        for count in [10, 1_000_000] {
            try await withCatalog(settings: settings) { test in
                _ = try await test.push(1)
                try await multiply(test, count)
                try await costs.append(measure(test))
            }
        }
        #expect(costs[0] == costs[1], "steps for tags, catalog, referrers, typed referrers, one tag")
    }

    /// Adds tags, repositories and referrers as no client could so fast.
    private func multiply(_ test: TestCatalog, _ number: Int) async throws {
        let tags = SQLValue.integer(Int64(number))
        // Rows of these take longer to make.
        let count = SQLValue.integer(Int64(min(number, 60_000)))
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO tag SELECT 1, printf('tag-%08d', i), 1 FROM n
            """, [tags])
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO repository (name, manifests, created_at) SELECT printf('r-%08d', i), 1, 0 FROM n
            """, [count])
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO blob SELECT NULL, printf('sha256:%064x', i), 10, 0, 0, 0 FROM n
            """, [count])
        try await test.run(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO manifest (
                repository_id, digest, type, artifact_type, subject, size, annotations, depth, is_root, pushed_at,
                pushed_by)
            SELECT 1, printf('sha256:%064x', i), 'application/vnd.oci.image.manifest.v1+json', 'a/sbom',
                (SELECT digest FROM manifest WHERE id = 1), 10, '{}', 0, 0, 0, 'anonymous'
            FROM n
            """, [count])
    }

    private func measure(_ test: TestCatalog) async throws -> [Int64] {
        let (name, first) = (try test.name(), digest(1))
        let database = try test.database
        var costs: [Int64] = []
        func cost(_ body: () async throws -> Int?) async throws {
            let before = database.readSteps
            let count = try await body()
            #expect(count == 5 || count == 1)
            costs.append(database.readSteps - before)
        }
        _ = try await test.catalog.hasRepository(name)
        try await cost { try await test.catalog.tags(in: name, after: "tag-00000003", limit: 5)?.count }
        try await cost { try await test.catalog.repositories(after: "r-00000003", limit: 5).count }
        for types in [[], ["a/sbom"]] {
            try await cost {
                try await test.catalog.referrers(of: first, in: name, artifactTypes: types, after: nil, limit: 5).count
            }
        }
        try await cost {
            try await test.catalog.manifest(test.tag("tag-00000007"), in: name) == nil ? 0 : 1
        }
        return costs
    }
}
