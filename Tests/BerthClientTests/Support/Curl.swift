import Foundation
import Testing

/// What curl got.
struct CurlReply: Sendable {
    let status: Int
    /// By name in lower case; of a header that comes twice, the last.
    let headers: [String: String]
    /// Where the body was written.
    let file: String
    var text: String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }
}

extension Scratch {
    /// Sends a request with curl, which fails only if there was no answer.
    func curl(_ url: String, _ arguments: [String] = []) async throws -> CurlReply {
        let file = "\(folder)/reply-\(UInt32.random(in: .min ... .max))"
        let finished = try await command(
            "curl", ["-sS", "-o", file, "-D", "\(file).headers", "-w", "%{http_code}"] + arguments + [url]
        ).run()
        guard finished.status == 0, let status = Int(finished.text) else { throw CommandFailure(finished: finished) }
        // The last block: before it may be that of a `100 Continue`.
        let blocks = try read("\(file).headers").replacing("\r\n", with: "\n").split(separator: "\n\n")
        var headers: [String: String] = [:]
        for line in (blocks.last ?? "").split(separator: "\n").dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        return CurlReply(status: status, headers: headers, file: file)
    }

    /// The address of an upload, which may be relative.
    func location(_ reply: CurlReply, adding query: String? = nil) throws -> String {
        let location = try #require(reply.headers["location"])
        let url = location.hasPrefix("/") ? "http://\(registry.address)\(location)" : location
        guard let query else { return url }
        return url + (url.contains("?") ? "&" : "?") + query
    }

    /// Uploads a blob with POST and PUT.
    func upload(_ file: String, to repository: String) async throws -> String {
        let digest = try await sha256(file)
        let begun = try await curl(url("\(repository)/blobs/uploads/"), ["-X", "POST"])
        #expect(begun.status == 202)
        let put = try await curl(
            location(begun, adding: "digest=\(digest)"),
            ["-X", "PUT", "--data-binary", "@\(file)", "-H", "Content-Type: application/octet-stream"])
        #expect(put.status == 201, "\(put.text)")
        return digest
    }

    /// A file of random bytes.
    func randomFile(_ name: String, megabytes: Int) async throws -> String {
        try await run("dd", "if=/dev/urandom", "of=\(folder)/\(name)", "bs=1M", "count=\(megabytes)", "status=none")
        return "\(folder)/\(name)"
    }
}
