import BerthModel
import BerthRegistry
import Foundation
import HTTPTypes
import NIOCore
import Testing

@testable import BerthAPI
@testable import BerthHTTP

@Suite("Refusals")
struct RefusalTests {
    private static let name = try? RepositoryName("a/b")
    private static let digest = Digest.ofNothing(.sha256)

    /// Status and code, a row an error of the registry.
    static let table: [(RegistryError, Int, OCIErrorCode)] = [
        (.blobUnknown(digest), 404, .blobUnknown), (.manifestUnknown(.digest(digest)), 404, .manifestUnknown),
        (.uploadUnknown, 404, .blobUploadUnknown), (.uploadDead, 404, .blobUploadUnknown),
        (.superseded, 416, .blobUploadInvalid), (.digestMismatch(said: digest, found: digest), 400, .digestInvalid),
        (.chunkOutOfOrder(offset: 3), 416, .blobUploadInvalid), (.chunkLength(said: 1, found: 2), 400, .sizeInvalid),
        (.body(.disconnected), 400, .blobUploadInvalid), (.body(.stalled), 408, .blobUploadInvalid),
        (.body(.malformed), 400, .blobUploadInvalid), (.body(.tooLarge(limit: 1)), 413, .sizeInvalid),
        (.manifestInvalid(.schema1), 400, .manifestInvalid), (.referencesUnknown([digest]), 400, .manifestBlobUnknown),
        (.referenceSizes([]), 400, .manifestInvalid), (.nestingTooDeep, 400, .manifestInvalid),
        (.conditionFailed(current: digest), 412, .denied), (.conditionFailed(current: nil), 412, .denied),
        (.stillReferenced(by: [digest]), 405, .unsupported), (.storageFull, 507, .denied),
        (.tooManyUploads, 429, .tooManyRequests),
        (.unavailable(cause: "secret cause"), 503, .unavailable),
    ]

    @Test("each error of the registry has its status and code", arguments: table)
    func statuses(error: RegistryError, status: Int, code: OCIErrorCode) throws {
        let refusal = Refusal(error)
        #expect(refusal.status.code == status)
        #expect(refusal.code == code)
        #expect(!refusal.message.isEmpty)
        let response = refusal.response(requestID: "id-1")
        guard case .bytes(let bytes) = response.body else {
            Issue.record("no body")
            return
        }
        let text = String(buffer: bytes)
        let json = try JSONSerialization.jsonObject(with: Data(bytes.readableBytesView)) as? [String: Any]
        let errors = try #require(json?["errors"] as? [[String: Any]])
        #expect(errors.count == 1)
        #expect(errors[0]["code"] as? String == code.rawValue)
        #expect((errors[0]["detail"] as? [String: Any])?["requestId"] as? String == "id-1")
        #expect(!text.contains("secret cause"))
        #expect([429, 503].contains(status) == (response.headers[.retryAfter] != nil))
    }

    @Test("a name is only in answers that are about it")
    func names() throws {
        let name = try #require(Self.name)
        #expect(Refusal(.repositoryUnknown(name)).code == .nameUnknown)
        let protected = Refusal(.repositoryProtected(name))
        #expect(protected.status == .forbidden && protected.code == .denied)
        #expect(protected.message.contains("protected") && protected.message.contains("set a/b --unprotected"))
        #expect(Refusal.denied(.push, name).status == .forbidden)
        #expect(Refusal.denied(.push, name).headers[.wwwAuthenticate] == nil)
    }

    @Test(
        "each problem below the API has its status",
        arguments: [
            (HTTPProblem.badRequest("x"), 400), (.targetTooLong, 414), (.headersTooLarge, 431),
            (.expectationFailed, 417),
            (.unsupportedTransferEncoding, 501), (.unsupportedVersion, 505), (.headStalled, 408), (.bodyStalled, 408),
            (.tooManyConnections, 503), (.draining, 503), (.internalError, 500),
        ])
    func problems(problem: HTTPProblem, status: Int) {
        let refusal = Refusal(problem)
        #expect(refusal.status.code == status)
        #expect(refusal.closesConnection)
        #expect((status == 503) == (refusal.headers[.retryAfter] != nil))
    }
}
