import BerthDigest
import BerthModel
import BerthTestSupport
import Foundation
import Testing

@testable import BerthAccess

@Suite("What the same connection has shown before")
struct ShownBeforeTests {
    private static func basic(_ name: String, _ password: String = testPassword) -> String {
        "Basic \(Data("\(name):\(password)".utf8).base64EncodedString())"
    }

    private static func word(_ found: (identity: Identity?, shown: ShownBefore?)) -> String {
        let identity =
            switch found.identity {
            case .caller(let caller): "\(caller.principal)"
            case .expired: "expired"
            case .refused: "refused"
            case nil: "?"
            }
        return found.shown == nil ? identity : "\(identity), kept"
    }

    @Test("is known again without what others have shown; times, key and owner are asked anew (5)")
    func token() async throws {
        try await withAccess { access, clock async throws in
            let header = "Bearer \(try await access.annsToken())"
            #expect(Self.word(access.identifyNow(header, after: nil)) == "?", "verifying it takes longer")
            #expect(await access.verdict(Authorization(header)) == "good")
            let first = access.identifyNow(header, after: nil)
            #expect(Self.word(first) == "user:ann, kept")
            let shown = try #require(first.shown)
            access.tokens.removeAll()
            #expect(Self.word(access.identifyNow(header, after: shown)) == "user:ann")
            #expect(Self.word(access.identifyNow(header, after: nil)) == "?")

            clock.advance(seconds: 3600)
            #expect(Self.word(access.identifyNow(header, after: shown)) == "expired")
            clock.advance(seconds: -3600)
            var change = Access.UserChange()
            change.isDisabled = true
            try await access.changeUser(AccountName("ann"), change, by: .operator)
            #expect(Self.word(access.identifyNow(header, after: shown)) == "refused")
        }
    }

    @Test("a password is known again for as long as it is anywhere, and ends with the account's version (5)")
    func password() async throws {
        try await withAccess { access, clock async throws in
            let header = Self.basic("ann")
            #expect(await access.verdict(Authorization(header)) == "good")
            let shown = try #require(access.identifyNow(header, after: nil).shown)
            access.basics.removeAll()
            #expect(Self.word(access.identifyNow(header, after: shown)) == "user:ann")
            clock.advance(seconds: AccessSettings.passwordSeconds)
            #expect(Self.word(access.identifyNow(header, after: shown)) == "?")
            clock.advance(seconds: -AccessSettings.passwordSeconds)
            #expect(Self.word(access.identifyNow(header, after: shown)) == "user:ann")
            var change = Access.UserChange()
            change.password = "another long one"
            try await access.changeUser(AccountName("ann"), change, by: .operator)
            #expect(Self.word(access.identifyNow(header, after: shown)) == "?")
        }
    }

    @Test("nothing else is taken for it, and secrets that are looked up each time are not kept")
    func others() async throws {
        try await withAccess { access, _ async throws in
            _ = try await access.addUser(AccountName("bob"), password: testPassword, isAdmin: false, by: .operator)
            let header = Self.basic("ann")
            #expect(await access.verdict(Authorization(header)) == "good")
            #expect(await access.verdict(Authorization(Self.basic("bob"))) == "good")
            let shown = try #require(access.identifyNow(header, after: nil).shown)
            for (other, word) in [
                (Self.basic("bob"), "user:bob, kept"), (Self.basic("ann", "wrong"), "?"), ("", "refused"),
                ("Bearer x", "?"), ("Basic " + header.dropFirst(7), "refused"),
            ] { #expect(Self.word(access.identifyNow(other, after: shown)) == word, "\(other)") }
            let ann = SecretHolder.user(try AccountName("ann"))
            let secret = try await access.addSecret(for: ann, label: "", scopes: nil, seconds: nil, by: .operator)
            #expect(Self.word(access.identifyNow(Self.basic("ann", secret.text), after: shown)) == "user:ann")
        }
    }

    @Test("a token that says much is looked up each time: there are many connections")
    func large() async throws {
        try await withAccess { access, _ async throws in
            let names = BearerToken.Names(issuer: access.settings.issuer, audience: access.settings.service)
            for (count, isKept) in [(1, true), (100, false)] {
                let entries = (0..<count).map { #"{"type":"repository","name":"team/app/\#($0)","actions":["pull"]}"# }
                let claims =
                    #"{"iss":"berth","aud":"berth","sub":"anonymous","nbf":0,"exp":1,"berth.account":0,"#
                    + #""berth.version":0,"access":[\#(entries.joined(separator: ","))]}"#
                let object = try #require(try JSONValue.object(parsing: claims))
                access.remember(
                    try #require(BearerToken(object, key: "1", names)), try #require(Hash256(of: "\(count)")))
                let found = access.identifyNow("Bearer \(count)", after: nil)
                #expect(found.identity != nil)
                #expect((found.shown != nil) == isKept)
            }
        }
    }

    @Test("marks are of one header alone, and codes differ from process to process")
    func marks() {
        let (salt, other) = (HeaderMark.Salt(), HeaderMark.Salt())
        for mark in [HeaderMark.text("Basic YQ=="), .code(of: "Basic YQ==", salt)] {
            #expect(mark.isOf("Basic YQ==", salt))
            for header in ["", "Basic YQ=", "Basic YQ= =", "Basic YQ=>", "basic YQ==", "Basic YQ==\0"] {
                #expect(!mark.isOf(header, salt), "\(header)")
            }
        }
        #expect(HeaderMark.text("").isOf("", salt))
        #expect(!HeaderMark.code(of: "Basic YQ==", salt).isOf("Basic YQ==", other))
    }
}
