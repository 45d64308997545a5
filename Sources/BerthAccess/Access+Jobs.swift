import BerthCatalog
import BerthDigest
import BerthModel
import BerthRegistry
import JWTKit
import Logging

// Jobs of CI systems: they come with an identity token of their issuer, and no secret of theirs is kept anywhere.

/// A session as the token endpoint hands it out.
package struct IssuedSession: Sendable {
    package let secret: String
    /// Seconds.
    package let lifetime: Int64
    /// Milliseconds since 1970.
    package let issuedAt: Int64
}

extension Access {
    /// The user as whom a job logs in.
    static let jobName = "oidc"

    /// Who has presented this, if it has begun a session and the session's rule still stands; nil asks for `openJob`.
    func job(_ presented: some StringProtocol) -> Identity? {
        guard let hash = Hash256(of: presented), let session = jobs[hash], let rule = rule(of: session) else {
            return nil
        }
        let caller = account(session, rule).caller
        if now < session.expiresAt { return .caller(caller) }
        // A session secret is worth nothing any more; an identity token may be valid still.
        return SecretText.isOne(presented) ? .expired(caller) : nil
    }

    /// The account of an identity token, or of a session's secret, shown as the password of `oidc`.
    func authenticateJob(_ presented: String, from address: String) async throws(IdentityRefusal) -> Account {
        if let account = liveJob(presented) { return account }
        if SecretText.isOne(presented) { try refuseSecret("login", Self.jobName, address) }
        do throws(OpeningFailure) { return try await open(presented, from: address).account } catch {
            throw refusal(error, presented, address)
        }
    }

    /// The same on the way to a repository: an upload outlives the session.
    func identifyJob(_ presented: String, from address: String) async -> Identity {
        if let account = liveJob(presented) { return .caller(account.caller) }
        if SecretText.isOne(presented) {
            do throws(IdentityRefusal) { try refuseSecret("login", Self.jobName, address) } catch {
                return .refused(error)
            }
        }
        do throws(OpeningFailure) { return .caller(try await open(presented, from: address).account.caller) } catch {
            if case .problem(.expired) = error, let hash = Hash256(of: presented), let session = jobs[hash],
                let rule = rule(of: session)
            {
                return .expired(account(session, rule).caller)
            }
            return .refused(refusal(error, presented, address))
        }
    }

    /// A secret for the time of a session, for an identity token that is valid now. RFC 8693.
    package func exchange(_ token: String, from address: String) async throws(IdentityRefusal) -> IssuedSession {
        guard let secret = SecretText(new: .job) else { throw .unavailable }
        do throws(OpeningFailure) {
            let opened = try await open(token, as: secret.hash, from: address)
            return IssuedSession(secret: secret.text, lifetime: opened.lifetime, issuedAt: clock.milliseconds())
        } catch { throw refusal(error, token, address) }
    }

    private func liveJob(_ presented: String) -> Account? {
        guard let hash = Hash256(of: presented), let session = jobs[hash], now < session.expiresAt,
            let rule = rule(of: session)
        else { return nil }
        return account(session, rule)
    }

    private func rule(of session: JobSession) -> TrustRule? {
        guard let rule = snapshot.rulesByID[session.ruleID], !rule.isDisabled, rule.version == session.version else {
            return nil
        }
        return rule
    }

    private func account(_ session: JobSession, _ rule: TrustRule) -> Account {
        Account(
            principal: session.principal, id: rule.id, version: rule.version, secret: nil,
            ends: session.expiresAt / 1_000_000)
    }

    // MARK: - Beginning a session

    private enum OpeningFailure: Error {
        case problem(IDTokenProblem)
        /// Not for what is in the token.
        case refusal(IdentityRefusal)
    }

    private struct Opened {
        let account: Account
        /// Seconds.
        let lifetime: Int64
    }

    /// Verifies an identity token and begins a session, found by `hash` (nil: by that of the token itself).
    private func open(
        _ text: String, as hash: Hash256? = nil, from address: String
    ) async throws(OpeningFailure) -> Opened {
        let token: IDToken
        let rule: TrustRule
        do throws(IDTokenProblem) { (token, rule) = try await verify(text) } catch { throw .problem(error) }
        guard let own = Hash256(of: text) else { throw .refusal(.unavailable) }
        let now = self.now
        let lifetime = settings.sessionSeconds
        let session = JobSession(
            ruleID: rule.id, version: rule.version, principal: Principal(jobOf: rule.name.text, subject: token.subject),
            expiresAt: now + lifetime * 1_000_000)
        let hash = hash ?? own
        guard jobs.begin(session, hash, for: own, at: now) else { throw .problem(.tooManySessions) }
        let entry = AuditEntry(
            now, Actor(name: session.principal.text, address: address), "job.login", rule.name.text,
            detail: token.shownClaims)
        let isKept: Bool
        do throws(CatalogError) {
            isKept = try await database.write(
                .small,
                { t throws(CatalogError) in
                    guard try t.insert(session, hash, subject: token.subject, at: now) else { return false }
                    try t.insert(entry)
                    return true
                }, settled: { _ in })
        } catch {
            jobs.forget(hash)
            log.error("no job session was made", metadata: ["cause": "\(error)"])
            throw .refusal(.unavailable)
        }
        guard isKept else {
            jobs.forget(hash)
            throw .refusal(.credentials)
        }
        audit.tell(entry)
        // Once more: of two that began the same one, the other may have failed to keep it.
        jobs.add(session, hash, for: own)
        return Opened(account: account(session, rule), lifetime: lifetime)
    }

    /// What a token says, once it is known that its issuer is trusted, has signed it, and that it fits a rule. The
    /// issuer is looked for among the rules before anything is fetched.
    private func verify(_ text: String) async throws(IDTokenProblem) -> (IDToken, TrustRule) {
        guard let token = IDToken(text) else { throw .malformed }
        let rules = snapshot.rules.filter { !$0.isDisabled && hasSameBytes($0.issuer, token.issuer) }
        guard !rules.isEmpty else { throw .noRule(issuer: token.issuer) }
        let seconds = self.seconds
        guard seconds < token.expires + settings.skewSeconds else { throw .expired }
        guard (token.notBefore ?? 0) <= seconds + settings.skewSeconds else { throw .notYetValid }
        guard IDToken.algorithms.contains(where: { hasSameBytes($0, token.algorithm) }) else {
            throw .algorithm(token.algorithm)
        }
        let rule = try fitting(token, rules)
        let key = try await issuers[rule.source].key(token.keyID, token.algorithm)
        guard (try? key.verify(token.signature, signs: token.signed)) == true else { throw .signature }
        return (token, rule)
    }

    /// The first rule, in the order in which they were added, that the token fits.
    private func fitting(_ token: IDToken, _ rules: [TrustRule]) throws(IDTokenProblem) -> TrustRule {
        var problem = IDTokenProblem.noRule(issuer: token.issuer)
        for rule in rules {
            guard let audience = rule.audience ?? settings.audience else { continue }
            guard token.audiences.contains(where: { hasSameBytes($0, audience) }) else {
                problem = .audience(expected: audience)
                continue
            }
            guard let failing = rule.conditions.first(where: { !$0.holds(in: token.claims) }) else { return rule }
            problem = .condition(rule: rule.name.text, claim: failing.claim)
        }
        throw problem
    }

    /// What the sender is told; why a token opens nothing is noted, for the operator.
    private func refusal(_ failure: OpeningFailure, _ text: String, _ address: String) -> IdentityRefusal {
        let problem: IDTokenProblem
        switch failure {
        case .refusal(let refusal): return refusal
        case .problem(let found): problem = found
        }
        let wait = attempts.takeSecret(from: address, at: clock.milliseconds())
        if wait == nil {
            // What it says of itself is not true for that, but tells whose it may be.
            let target = IDToken(text).map { "\($0.issuer) \($0.subject)" } ?? Self.jobName
            noteRefusal(
                AuditEntry(
                    now, Actor(name: "anonymous", address: address), "job.login", target, isDone: false,
                    detail: "\(problem)"))
        }
        switch problem {
        case .keys: return .unavailable
        case .tooManySessions: return .tooMany(seconds: 60)
        case .malformed, .noRule, .audience, .expired, .notYetValid, .condition, .algorithm, .unknownKey, .signature:
            return wait.map { .tooMany(seconds: $0) } ?? .credentials
        }
    }
}

extension IDToken {
    /// What tells one job from another, of what the usual issuers say.
    fileprivate var shownClaims: String {
        ["jti", "repository", "ref", "run_id", "project_path", "pipeline_id", "job_id"].compactMap { name in
            switch claims[name] {
            case .string(let text): "\(name)=\(text)"
            case .integer(let number): "\(name)=\(number)"
            default: nil
            }
        }.joined(separator: " ")
    }
}
