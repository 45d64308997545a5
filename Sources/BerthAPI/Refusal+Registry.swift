import BerthCatalog
import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes

extension Refusal {
    /// What the client is told; causes stay in the log. No `default`: a new error is decided upon here first.
    init(_ error: RegistryError) {
        switch error {
        case .repositoryUnknown(let name):
            self.init(
                .notFound, .nameUnknown, "The registry has no repository \(name) that you may see.",
                detail: [("name", .text(name.text))])
        case .repositoryProtected(let name):
            self.init(
                .forbidden, .denied,
                "The repository \(name) is protected: nothing in it may be deleted. Its operator lifts that with "
                    + "`berth repository set \(name) --unprotected`.",
                detail: [("name", .text(name.text))])
        case .blobUnknown(let digest):
            self.init(
                .notFound, .blobUnknown, "This repository has no blob \(digest).",
                detail: [("digest", .text(digest.text))])
        case .manifestUnknown(let reference):
            self.init(
                .notFound, .manifestUnknown, "This repository has no manifest \(reference).",
                detail: [("reference", .text(reference.description))])
        case .tagUnknownThen(let tag, let then):
            self.init(
                .notFound, .manifestUnknown, "There is nothing under \(tag): \(Self.reason(then)).",
                detail: [("reference", .text(tag.text))])
        case .tagKept(.immutable(let tag, let rule)):
            self.init(
                .forbidden, .denied, "The rule \(rule) keeps the tag \(tag): it is neither moved nor deleted.",
                detail: [("tag", .text(tag.text)), ("rule", .text(rule.text))])
        case .tagKept(.virtual(let tag, isMoment: true)):
            self.init(
                .forbidden, .denied,
                "\(tag) names a tag as it was at a moment; it can be pulled, and neither set nor deleted.",
                detail: [("tag", .text(tag.text))])
        case .tagKept(.virtual(let tag, isMoment: false)):
            self = .parameter("reference", "names no moment in \(tag); write as in latest--at-20260501T1200Z")
        case .uploadUnknown:
            self.init(
                .notFound, .blobUploadUnknown,
                "There is no such upload here: it has ended, expired or was never started. Start a new one.")
        case .uploadDead:
            self.init(
                .notFound, .blobUploadUnknown,
                "The storage failed under this upload, and its bytes cannot be trusted. Start a new one.")
        case .superseded:
            self.init(
                .rangeNotSatisfiable, .blobUploadInvalid,
                "A later request took this upload over; ask for its status to see where it stands.")
            closesConnection = true
        case .digestMismatch(let said, let found):
            self.init(
                .badRequest, .digestInvalid, "The content hashes to \(found), not to the digest that was given.",
                detail: [("digest", .text(said.text)), ("found", .text(found.text))])
        case .chunkOutOfOrder(let offset):
            self.init(
                .rangeNotSatisfiable, .blobUploadInvalid, "The upload goes on at byte \(offset).",
                detail: [("offset", .number(offset))])
        case .chunkLength(let said, let found):
            self.init(
                .badRequest, .sizeInvalid, "Content-Range says \(said) bytes, the body has \(found).",
                detail: [("said", .number(said)), ("found", .number(found))])
        case .body(let failure):
            self.init(failure)
        case .manifestInvalid(let error):
            let detail = error.detail.sorted { $0.key < $1.key }.map {
                (key: $0.key, value: DetailValue.text($0.value))
            }
            self.init(.badRequest, .manifestInvalid, "The manifest is refused: \(error.message).", detail: detail)
        case .referencesUnknown(let digests):
            self.init(
                .badRequest, .manifestBlobUnknown,
                "The manifest refers to content that this repository lacks; push that first.",
                detail: [("digests", .list(digests.map(\.text)))])
        case .referenceSizes(let sizes):
            self.init(
                .badRequest, .manifestInvalid,
                "Descriptors give another size than the content has: "
                    + sizes.prefix(10).map { "\($0.digest) has \($0.stored) bytes, not \($0.said)" }
                    .joined(separator: "; ") + ".",
                detail: [("digests", .list(sizes.map(\.digest.text)))])
        case .nestingTooDeep:
            self.init(.badRequest, .manifestInvalid, "Indexes may be nested eight deep at most.")
        case .conditionFailed(let current):
            self.init(
                .preconditionFailed, .denied,
                current.map { "The condition failed: the tag points to \($0)." }
                    ?? "The condition failed: there is no such tag.",
                detail: current.map { [("current", .text($0.text))] } ?? [])
        case .stillReferenced(let manifests):
            self.init(
                .methodNotAllowed, .unsupported,
                "Manifests of this repository still need this content; delete those first, under manifests/.",
                detail: [("manifests", .list(manifests.map(\.text)))])
        case .tooManyUploads:
            self = .tooMany(
                seconds: 60, "You have as many unfinished uploads as you may have; finish or cancel some first.")
        case .storageFull:
            self.init(
                HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"), .denied,
                "The registry's disk is full; nothing was stored. Ask its operator.")
        case .unavailable(let cause):
            self.init(.serviceUnavailable, .unavailable, "The registry cannot do this right now; try again shortly.")
            headers[.retryAfter] = "5"
            self.cause = cause
        }
    }

    /// Why a tag shows nothing at a moment, for a person.
    private static func reason(_ then: TagMoment?) -> String {
        switch then {
        case nil: "there is no such time"
        case .future: "that moment has not come yet"
        case .before(let first?): "the tag was set for the first time at \(Timestamp.text(milliseconds: first / 1_000))"
        case .before(nil), .found, .unknownRepository: "there never was such a tag in this repository"
        case .deleted(let at): "the tag had been deleted at \(Timestamp.text(milliseconds: at / 1_000))"
        case .gone(let digest): "it pointed to \(digest), which has been deleted since"
        }
    }

    private init(_ failure: BodyFailure) {
        switch failure {
        case .disconnected:
            self.init(.badRequest, .blobUploadInvalid, "The body broke off.")
        case .stalled:
            self.init(.requestTimeout, .blobUploadInvalid, "The body stalled; what had come is kept.")
        case .malformed:
            self.init(.badRequest, .blobUploadInvalid, "The body is not well-formed.")
        case .tooLarge(let limit):
            self.init(
                .contentTooLarge, .sizeInvalid, "The body is larger than \(limit) bytes.",
                detail: [("limit", .number(Int64(limit)))])
            return
        }
        closesConnection = true
    }
}
