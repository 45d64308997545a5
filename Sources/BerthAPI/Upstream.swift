import BerthBlobs
import BerthHTTP
import BerthRegistry
import NIOCore

/// A request's body as the registry reads it.
struct Upstream: BodySource {
    private let body: RequestBody
    let length: Int64?

    init(_ request: Request) {
        body = request.body
        length = request.contentLength
    }

    func interrupt() { body.interrupt() }

    func takeInput() -> (any DirectInput)? { body.takeLoan() }

    func next() async throws(BodyFailure) -> [ByteBuffer]? {
        do throws(BodyError) {
            var iterator = body.makeAsyncIterator()
            return try await iterator.next(isolation: nil)
        } catch { throw BodyFailure(error) }
    }
}

extension InputLoan: DirectInput {}

extension BodyFailure {
    init(_ error: BodyError) {
        switch error {
        case .tooLarge(let limit): self = .tooLarge(limit: limit)
        case .disconnected, .cancelled: self = .disconnected
        case .stalled: self = .stalled
        case .malformed: self = .malformed
        }
    }
}
