import BerthHTTP
import BerthModel
import HTTPTypes

extension Refusal {
    static let pathUnknown = Refusal(.notFound, .unsupported, "The registry has nothing under this path.")

    static func name(_ error: RepositoryNameError) -> Refusal {
        let reason =
            switch error {
            case .empty: "it is empty"
            case .tooLong(let count): "it has \(count) characters, and 255 are the most"
            case .badCharacter(let offset): "the character at position \(offset + 1) may not stand there"
            }
        return Refusal(
            .badRequest, .nameInvalid,
            "The repository's name is not valid: \(reason). Lower-case letters and digits, single separators, slashes.")
    }

    static func digest(_ error: DigestError) -> Refusal {
        let reason =
            switch error {
            case .noAlgorithm: "it names no algorithm"
            case .unknownAlgorithm: "its algorithm is neither sha256 nor sha512"
            case .wrongLength(let count): "it has \(count) characters after the colon"
            case .notLowerHex: "it is not lower-case hexadecimal"
            }
        return Refusal(.badRequest, .digestInvalid, "The digest is not valid: \(reason).")
    }

    /// A parameter that cannot be used. Not a format code: some clients answer those by converting the image.
    static func parameter(_ name: String, _ expected: String) -> Refusal {
        Refusal(
            .badRequest, .unsupported, "The parameter '\(name)' \(expected).", detail: [("parameter", .text(name))])
    }

    static func denied(_ action: Action, _ repository: RepositoryName?) -> Refusal {
        Refusal(
            .forbidden, .denied,
            repository.map { "You may not \(action.rawValue) in \($0)." } ?? "You may not \(action.rawValue) here.",
            detail: [("action", .text(action.rawValue))] + (repository.map { [("name", .text($0.text))] } ?? []))
    }

    static func method(_ allowed: String, _ message: String = "This method cannot be used here.") -> Refusal {
        Refusal(.methodNotAllowed, .unsupported, message).with(.allow, allowed)
    }
}

extension Refusal {
    /// What the server found wrong below the API. The connection ends after each of these.
    init(_ problem: HTTPProblem) {
        switch problem {
        case .badRequest(let reason):
            self.init(.badRequest, .unsupported, "The request is not valid HTTP: \(reason).")
        case .targetTooLong: self.init(.uriTooLong, .unsupported, "The request line is too long.")
        case .headersTooLarge:
            self.init(.requestHeaderFieldsTooLarge, .unsupported, "The headers are too large or too many.")
        case .expectationFailed:
            self.init(.expectationFailed, .unsupported, "Only 'Expect: 100-continue' is understood.")
        case .unsupportedTransferEncoding:
            self.init(.notImplemented, .unsupported, "Only 'Transfer-Encoding: chunked' is understood.")
        case .unsupportedVersion:
            self.init(
                HTTPResponse.Status(code: 505, reasonPhrase: "HTTP Version Not Supported"), .unsupported,
                "Use HTTP/1.1.")
        case .headStalled: self.init(.requestTimeout, .unsupported, "The request did not arrive in time.")
        case .bodyStalled: self.init(.requestTimeout, .blobUploadInvalid, "The body stalled; what had come is kept.")
        case .tooManyConnections:
            self.init(.serviceUnavailable, .unavailable, "Too many connections; try again shortly.")
            headers[.retryAfter] = "5"
        case .draining:
            self.init(.serviceUnavailable, .unavailable, "The registry is stopping; try again shortly.")
            headers[.retryAfter] = "5"
        case .internalError:
            self.init(
                .internalServerError, .unknown, "Something went wrong here; quote the request id to the operator.")
        }
        closesConnection = true
    }
}
