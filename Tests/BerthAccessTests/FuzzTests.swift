import BerthModel
import BerthTestSupport
import Foundation
import Testing

@testable import BerthAccess

/// What clients send, changed at random in thousands of ways, the same ways on every run: nothing traps, and what is
/// taken is what it says it is.
@Suite("What clients send, at random")
struct FuzzTests {
    private static let runs = 20_000

    /// A text with up to four changes: bytes replaced, removed, doubled, cut off, or pieces of other texts put in.
    private func changed(_ text: String, _ pieces: [String], _ numbers: inout SeededNumbers) -> String {
        var bytes = Array(text.utf8)
        for _ in 0...numbers.below(4) {
            let position = numbers.below(bytes.count + 1)
            switch numbers.below(6) {
            case 0 where position < bytes.count: bytes[position] = UInt8(numbers.below(256))
            case 1 where position < bytes.count: bytes.remove(at: position)
            case 2: bytes.insert(contentsOf: Array(pieces[numbers.below(pieces.count)].utf8), at: position)
            case 3: bytes.insert(contentsOf: bytes[..<position].suffix(20), at: position)
            case 4 where numbers.below(8) == 0: bytes = Array(bytes[..<position])
            default: bytes.insert(UInt8(numbers.below(256)), at: position)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("scopes: at most a hundred, each of a valid name, none twice; the same twice is the same once")
    func scopes() {
        var numbers = SeededNumbers(seed: 1)
        let seeds = [
            "repository:team/app:pull,push", "repository:a:pull repository:b:push,delete registry:catalog:*",
            "repository(plugin):a:pull", "repository:localhost:5000/x:*", "",
            String(repeating: "repository:a:pull ", count: 200),
        ]
        let pieces = [":", ",", " ", "repository:", "pull", "*", "/", "\"", "\r\n", "\u{0}", "é", "registry:catalog:*"]
        for _ in 0..<Self.runs {
            let text = changed(seeds[numbers.below(seeds.count)], pieces, &numbers)
            let scopes = RequestedScopes([text])
            let names = scopes.repositories.map(\.name)
            #expect(names.count <= RequestedScopes.most && Set(names).count == names.count)
            #expect(scopes.repositories.allSatisfy { !$0.actions.contains(.admin) && !$0.actions.contains(.manage) })
            for name in names {
                #expect((try? RepositoryName(name.text)) == name)
                #expect(!name.text.utf8.contains { $0 == UInt8(ascii: "\"") || $0 < 0x21 })
            }
            if !text.utf8.contains(UInt8(ascii: " ")) { #expect(RequestedScopes([text, text]) == scopes) }
        }
    }

    @Test("the Authorization header: name and password are what was encoded, byte for byte")
    func authorization() {
        var numbers = SeededNumbers(seed: 2)
        let seeds = [
            "Basic YW5uOmNvcnJlY3QgaG9yc2U=", "Bearer e30.e30.e30", "basic b2lkYzplMzAuZTMwLmUzMA", "Basic", "",
        ]
        let pieces = ["Basic ", "Bearer ", "=", " ", ",", ":", "Og==", "\u{0}", "\r\n", "é", "/", "+", "-", "_"]
        for _ in 0..<Self.runs {
            let header = changed(seeds[numbers.below(seeds.count)], pieces, &numbers)
            switch Authorization(header) {
            case .unknown: break
            case .bearer(let token):
                #expect(header.utf8.reversed().starts(with: token.utf8.reversed()))
            case .basic(let name, let password):
                #expect(!name.utf8.contains(UInt8(ascii: ":")))
                let encoded = Data("\(name):\(password)".utf8).base64EncodedString().prefix { $0 != "=" }
                #expect(header.utf8.contains(encoded.utf8), "\(header)")
            }
        }
    }

    @Test("bearer tokens: one changed byte, and it is nobody's")
    func bearerTokens() async throws {
        try await withAccess { access, _ async throws in
            var numbers = SeededNumbers(seed: 3)
            let account = try await access.authenticate("ann", testPassword, from: "")
            let token = try access.issue(account, RequestedScopes(["repository:a:pull"])).text
            #expect(access.snapshot.keys.claims(of: token, at: access.now) != nil)
            let parts = token.split(separator: ".").map(String.init)
            for _ in 0..<3_000 {
                let text = changed(token, parts + [".", "e30", "=", "\u{0}", "é"], &numbers)
                guard text != token else { continue }
                #expect(access.snapshot.keys.claims(of: text, at: access.now) == nil, "\(text)")
            }
        }
    }

    @Test("secrets: one changed byte, and it is none or another one")
    func secrets() throws {
        var numbers = SeededNumbers(seed: 4)
        for kind in SecretText.Kind.allCases {
            let secret = try #require(SecretText(new: kind))
            for _ in 0..<3_000 {
                let text = changed(secret.text, ["_", "berth_", "pat", "job", "é", "\u{0}"], &numbers)
                guard text != secret.text, let read = SecretText(text) else { continue }
                #expect(read.hash != secret.hash)
            }
        }
    }

    @Test("identity tokens: what is read of one has the form that it has to have")
    func identityTokens() async throws {
        let key = try await IssuerKey()
        var numbers = SeededNumbers(seed: 5)
        let header = #"{"alg":"ES256","kid":"first","typ":"JWT"}"#
        let claims =
            #"{"iss":"https://a","sub":"s","aud":["b","c"],"exp":1767225600,"nbf":1,"x":{"y":[1,2.5,null,true]}}"#
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "1e9", "-1", "99999999999999999999", "\"exp\":1,",
            "\\u0000",
            "\\ud800", "\u{0}", "é", String(repeating: "[", count: 40),
        ]
        var taken = 0
        for _ in 0..<Self.runs {
            let (a, b) = (changed(header, pieces, &numbers), changed(claims, pieces, &numbers))
            let text = try IdentityTokenDraft.sign(
                numbers.below(2) == 0 ? Array(header.utf8) : Array(a.utf8), Array(b.utf8), key)
            guard let token = IDToken(text) else { continue }
            taken += 1
            #expect((0...1 << 40).contains(token.expires) && (0...1 << 40).contains(token.notBefore ?? 0))
            #expect((1...512).contains(token.subject.utf8.count))
            #expect(Principal(Principal(jobOf: "ci", subject: token.subject).text) != nil)
        }
        #expect(taken > 100, "some are to be taken, or nothing was tried")
    }

    @Test("patterns of claims match what a slow and simple matcher says")
    func patterns() throws {
        var numbers = SeededNumbers(seed: 6)
        let letters = Array("ab/:*".utf8)
        func random(_ most: Int, _ count: Int) -> [UInt8] {
            (0..<numbers.below(most + 1)).map { _ in letters[numbers.below(count)] }
        }
        for _ in 0..<Self.runs {
            let (pattern, text) = (random(8, 5), random(10, 4))
            guard let made = try? ClaimPattern(String(decoding: pattern, as: UTF8.self)) else { continue }
            let isMatch = Self.matches(pattern[...], text[...])
            #expect(
                made.matches(String(decoding: text, as: UTF8.self)) == isMatch,
                "\(made.text) \(String(decoding: text, as: UTF8.self))")
        }
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        guard first == UInt8(ascii: "*") else {
            return text.first == first && matches(pattern.dropFirst(), text.dropFirst())
        }
        if matches(pattern.dropFirst(), text) { return true }
        guard let next = text.first, next != UInt8(ascii: "/"), next != UInt8(ascii: ":") else { return false }
        return matches(pattern, text.dropFirst())
    }
}
