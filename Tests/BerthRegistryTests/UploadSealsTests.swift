import BerthDigest
import BerthModel
import Testing

@testable import BerthRegistry

/// B8: a location works for one repository and one principal.
@Suite("Seals of upload locations")
struct UploadSealsTests {
    private let seals = UploadSeals(key: SealKey([UInt8](repeating: 7, count: 32)))
    private let repository: RepositoryName
    private let other: RepositoryName
    private let id: UploadID

    init() throws {
        repository = try RepositoryName("team/app")
        other = try RepositoryName("team/other")
        var random = SystemRandomNumberGenerator()
        id = UploadID(startedMilliseconds: 1_700_000_000_000, using: &random)
    }

    @Test(
        "a ticket opens for whom it was made", arguments: Digest.Algorithm.allCases,
        [Principal.anonymous, .user("ann")])
    func opens(algorithm: Digest.Algorithm, principal: Principal) {
        let ticket = seals.ticket(for: id, in: repository, by: principal, algorithm: algorithm)
        #expect(seals.open(ticket.text, in: repository, by: principal) == ticket)
        #expect(seals.open(ticket.text, in: other, by: principal) == nil)
        #expect(seals.open(ticket.text, in: repository, by: .user("bob")) == nil)
        let foreign = UploadSeals(key: SealKey([UInt8](repeating: 8, count: 32)))
        #expect(foreign.open(ticket.text, in: repository, by: principal) == nil)
    }

    @Test("no character of it can be changed")
    func tampered() {
        let ticket = seals.ticket(for: id, in: repository, by: .anonymous, algorithm: .sha256)
        let bytes = Array(ticket.text.utf8)
        for index in bytes.indices {
            for replacement in [UInt8(ascii: "a"), UInt8(ascii: "0"), UInt8(ascii: "A"), UInt8(ascii: "_")]
            where replacement != bytes[index] {
                var changed = bytes
                changed[index] = replacement
                let text = String(decoding: changed, as: UTF8.self)
                #expect(seals.open(text, in: repository, by: .anonymous) == nil, "\(text)")
            }
        }
        for text in ["", ".", ticket.text + "A", String(ticket.text.dropLast()), ticket.id.text, "\(ticket.text)\n"] {
            #expect(seals.open(text, in: repository, by: .anonymous) == nil)
        }
    }

    @Test("base64url has one spelling for some bytes")
    func base64() {
        for count in 0..<40 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
        }
        for text in ["A", "AB", "AAB", "A=", "A+", "é"] { #expect(Base64URL.decode(text) == nil, "\(text)") }
    }
}
