import HTTPTypes
import Logging
import Testing

@testable import BerthHTTP
@testable import BerthServer

@Suite("The access log")
struct AccessLogTests {
    private static let digest = "sha256:" + String(repeating: "0f", count: 32)

    private func line(_ request: RequestRecord) -> String {
        TextLines(isColored: false).text(
            AccessLog.record(request, at: .sample, AccessLog.level(of: request)))
    }

    @Test("tells who asked for what and what came of it")
    func text() {
        #expect(
            line(.sample())
                == "2026-02-28T23:59:58.007Z INFO     request method=GET route=manifest repository=library/box "
                + "reference=v1 status=200 bytes_in=0 bytes_out=1234 duration_ms=12.345 request=r1 client=192.0.2.7 "
                + "user_agent=skopeo/1.9\n")
    }

    @Test("as JSON, with numbers as numbers")
    func json() {
        let request = RequestRecord.sample(
            method: .patch, target: "/v2/library/box/blobs/uploads/c2VhbA", route: "upload",
            status: .accepted,
            bytesIn: 5_000_000_000, bytesOut: 0, userAgent: nil, isComplete: false)
        #expect(
            JSONLines().text(AccessLog.record(request, at: .sample, .info))
                == #"{"time":"2026-02-28T23:59:58.007Z","level":"info","label":"berth.access","message":"request","#
                + #""metadata":{"method":"PATCH","route":"upload","repository":"library/box","status":202,"#
                + #""bytes_in":5000000000,"bytes_out":0,"duration_ms":12.345,"request":"r1","client":"192.0.2.7","#
                + #""complete":false}}"# + "\n")
    }

    @Test("a head that could not be read has no method and no route")
    func unreadable() {
        let request = RequestRecord.sample(
            method: nil, target: "", route: "", repository: nil, status: .badRequest, userAgent: nil)
        #expect(line(request).contains("request method=- route=- status=400 "))
    }

    @Test(
        "a reference is told where it is a tag or digest",
        arguments: [
            ("manifest", "/v2/a/manifests/v1", "v1"),
            ("manifest", "/v2/a/manifests/\(digest)?ns=docker.io", digest),
            ("blob", "/v2/a/blobs/\(digest.replacing(":", with: "%3A"))", digest),
            ("blob", "/v2/a/blobs/\(digest.replacing(":", with: "%3a"))", digest),
            ("referrers", "/v2/a/referrers/\(digest)", digest),
            ("manifest", "/v2/a/manifests/not%20a%20tag", nil),
            ("manifest", "/v2/a/manifests/\(String(repeating: "a", count: 5000))", nil),
            ("manifest", "/v2/a/manifests/%3", nil),
            ("manifest", "*", nil),
            ("manifest", "", nil),
            ("unknown", "/v2/a/manifests/v1", nil),
        ] as [(String, String, String?)])
    func references(route: String, target: String, reference: String?) {
        let text = line(.sample(target: target, route: route))
        if let reference {
            #expect(text.contains(" reference=\(reference) "))
        } else {
            #expect(!text.contains("reference="))
        }
    }

    @Test(
        "no query, no upload location and no credentials (threat 39)",
        arguments: [
            ("upload", "/v2/a/blobs/uploads/SECRET"),
            ("upload", "/v2/a/blobs/uploads/SECRET?digest=\(digest)"),
            ("uploads", "/v2/a/blobs/uploads/?mount=SECRET&from=SECRET"),
            ("manifest", "/v2/a/manifests/v1?tag=SECRET"),
            ("blob", "/v2/a/blobs/\(digest)?token=SECRET/SECRET"), ("unknown", "/SECRET"),
            ("unknown", "http://user:SECRET@host/"),
            ("version", "/v2/?account=SECRET&Authorization=SECRET"),
            ("root", "/?SECRET"), ("", "/SECRET"), ("tags", "/v2/a/tags/list?last=SECRET"),
            ("catalog", "/v2/_catalog?last=SECRET"), ("search", "/v1/search?q=SECRET"),
        ])
    func secrets(route: String, target: String) {
        let request = RequestRecord.sample(target: target, route: route)
        #expect(!line(request).contains("SECRET"))
        #expect(!JSONLines().text(AccessLog.record(request, at: .sample, .info)).contains("SECRET"))
        #expect(!line(request).lowercased().contains("authorization"))
    }

    @Test("hostile user agents, methods and addresses stay within their field (threat 26)")
    func injection() throws {
        let hostile = "x\r\n{\"level\":\"error\"}\u{1b}[2J" + String(repeating: "y", count: 1 << 20)
        let method = HTTPRequest.Method(rawValue: String(repeating: "M", count: 4000))
        let request = RequestRecord.sample(
            method: method, repository: hostile, id: hostile, client: hostile, userAgent: hostile)
        for format in [TextLines(isColored: false) as any LineFormat, JSONLines()] {
            let text = format.text(AccessLog.record(request, at: .sample, .info))
            #expect(text.utf8.count { $0 < 0x20 } == 1)
            #expect(text.utf8.count < 6 * 512)
        }
    }

    @Test(
        "checks of our health and clients that left early are for debugging",
        arguments: [
            (.sample(), .info), (.sample(status: .internalServerError), .info),
            (.sample(route: "health"), .debug),
            (.sample(route: "metrics"), .debug), (.sample(status: RequestRecord.clientLeft), .debug),
            (.sample(isComplete: false), .info),
        ] as [(RequestRecord, Logger.Level)])
    func levels(request: RequestRecord, level: Logger.Level) {
        #expect(AccessLog.level(of: request) == level)
    }

    @Test(
        "what is below the level is not written",
        arguments: [(Logger.Level.debug, 2), (.info, 1), (.warning, 0)])
    func threshold(level: Logger.Level, count: Int) async throws {
        let pipe = try LinePipe()
        let writer = LogWriter(JSONLines(), to: pipe.writeEnd)
        let observer = AccessObserver(
            log: AccessLog(writer: writer, level: level), metrics: RequestMetrics(PrometheusFactory()))
        observer.finished(.sample())
        observer.finished(.sample(route: "health"))
        #expect(writer.flush(patience: .seconds(300)))
        pipe.closeWriteEnd()
        #expect(await pipe.startReading().lines().count == count)
    }

    @Test("a flood of large requests is bounded by the memory it holds")
    func flood() throws {
        let pipe = try LinePipe()
        defer { pipe.closeBoth() }
        let writer = LogWriter(JSONLines(), to: pipe.writeEnd, room: 1000)
        AccessLog(writer: writer, level: .info).finished(
            .sample(userAgent: String(repeating: "u", count: 1000)))
        #expect(writer.lost == 1)
    }
}

extension String {
    fileprivate func replacing(_ old: Character, with new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
