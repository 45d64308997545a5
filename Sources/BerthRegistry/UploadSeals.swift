import BerthDigest
package import BerthModel

/// An upload as its location names it: nothing about it is stored before its first bytes.
package struct UploadTicket: Hashable, Sendable {
    package let id: UploadID
    package let algorithm: Digest.Algorithm
    /// `<uuid>.<seal>`, the last segment of the upload's location.
    package let text: String
}

/// Makes and checks the seals of upload locations: 128 bits of HMAC over id, repository, principal and algorithm, so
/// that a location works for one repository and one principal, and proves itself without a look-up (B8).
struct UploadSeals: Sendable {
    private let key: SealKey

    init(key: SealKey) { self.key = key }

    func ticket(
        for id: UploadID, in repository: RepositoryName, by principal: Principal, algorithm: Digest.Algorithm
    ) -> UploadTicket {
        let seal = key.seal(message(id, repository, principal, algorithm))
        return UploadTicket(id: id, algorithm: algorithm, text: "\(id.text).\(Base64URL.encode(seal))")
    }

    /// Nil unless `text` was made by `ticket` for the same repository and principal.
    func open(_ text: String, in repository: RepositoryName, by principal: Principal) -> UploadTicket? {
        guard text.utf8.count == 36 + 1 + 22 else { return nil }
        let point = text.utf8.index(text.startIndex, offsetBy: 36)
        guard text.utf8[point] == UInt8(ascii: "."), let id = UploadID(String(text[..<point])),
            let seal = Base64URL.decode(text[text.utf8.index(after: point)...])
        else { return nil }
        for algorithm in Digest.Algorithm.allCases
        where key.isSeal(seal, of: message(id, repository, principal, algorithm)) {
            return UploadTicket(id: id, algorithm: algorithm, text: text)
        }
        return nil
    }

    /// The fields between line feeds, which none of them can hold.
    private func message(
        _ id: UploadID, _ repository: RepositoryName, _ principal: Principal, _ algorithm: Digest.Algorithm
    ) -> [UInt8] {
        Array("\(id.text)\n\(repository.text)\n\(principal.text)\n\(algorithm.rawValue)".utf8)
    }
}
