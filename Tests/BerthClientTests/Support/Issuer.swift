import Foundation

/// An issuer of identity tokens that runs as long as the tests do, as a CI system's.
struct Issuer: Sendable {
    /// As in `https://127.0.0.1:8443`.
    let url: String
    /// PEM file of the authority that vouches for it.
    let authority: String

    static let shared = Once<Issuer> {
        let keeper = try await Keeper.daemon("issuer", readyAt: "issuer listening on https://127\\.0\\.0\\.1:[0-9]+") {
            ["/usr/bin/python3", Place.script("issuer.py"), $0]
        }
        guard let match = keeper.greeting.firstMatch(of: /https:\/\/127\.0\.0\.1:\d+/) else {
            throw DaemonError(name: "issuer", log: keeper.log)
        }
        return Issuer(url: String(match.0), authority: "\(keeper.folder)/ca.pem")
    }

    /// A token for a job of `repository` that is good for so many seconds.
    func token(life: Int, repository: String = "org/app", at scratch: Scratch) async throws -> String {
        let claims = "sub=repo:\(repository):ref:refs/heads/main&repository=\(repository)&aud=registry.test"
        return try await scratch.run(
            "curl", "-sSf", "--cacert", authority, "\(url)/mint?life=\(life)&\(claims)"
        ).text
    }
}

/// A token with which somebody has logged in while it was valid, and which has expired since.
extension Scratch {
    /// Logs in with a token that is good for seconds alone, and waits until it has expired. On a busy machine a login
    /// may take longer than that; then a token has twice the time.
    func expiredLogin(_ login: (_ token: String) async throws -> Finished) async throws -> String {
        let issuer = try await Issuer.shared.value
        var life = 4
        while true {
            let token = try await issuer.token(life: life, at: self)
            let finished = try await login(token)
            if finished.status == 0 {
                while try await exchange(token) != "401" {}
                return token
            }
            guard life < 100 else { throw CommandFailure(finished: finished) }
            life *= 2
        }
    }

    /// The status of a token exchange, which takes no token that has expired.
    func exchange(_ token: String) async throws -> String {
        try await command(
            "curl",
            [
                "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-urlencode",
                "grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "--data-urlencode",
                "subject_token_type=urn:ietf:params:oauth:token-type:id_token", "--data-urlencode",
                "subject_token=\(token)", "http://\(registry.address)/auth/token",
            ]
        ).run().text
    }
}
