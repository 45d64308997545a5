import Foundation

/// An answer as it came over the wire.
package struct Reply: Sendable {
    package let status: Int
    /// In the order and spelling sent.
    package let headers: [(name: String, value: String)]
    package var body: [UInt8]

    init(status: Int, headers: [(String, String)], body: [UInt8]) {
        self.status = status
        self.headers = headers.map { (name: $0.0, value: $0.1) }
        self.body = body
    }

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header that stands once, whatever its spelling; nil where it is absent.
    package func header(_ name: String) -> String? { values(name).first }

    package func values(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The headers as sorted lines, without those that differ from one request to the next.
    package var lastingHeaders: [String] {
        headers.filter { !["date", "x-request-id"].contains($0.name.lowercased()) }
            .map { "\($0.name.lowercased()): \($0.value)" }.sorted()
    }

    /// The body as JSON.
    package func json() throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        else { throw TestFailure("no JSON object: \(text)") }
        return object
    }

    /// The codes of an error body.
    package var errorCodes: [String] {
        let errors = (try? json())?["errors"] as? [[String: Any]]
        return errors?.compactMap { $0["code"] as? String } ?? []
    }

    /// The `detail` of the first error.
    package var detail: [String: Any] {
        let errors = (try? json())?["errors"] as? [[String: Any]]
        return errors?.first?["detail"] as? [String: Any] ?? [:]
    }
}

extension StringProtocol {
    func trimmingSpaces() -> String { trimmingCharacters(in: .whitespaces) }
}
