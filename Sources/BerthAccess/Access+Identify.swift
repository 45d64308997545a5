import BerthDigest
import BerthModel
import BerthRegistry

extension Access {
    /// Who sends this value of `Authorization`, if that can be said at once; without an identity, `identify` is to be asked.
    /// Called on event loops.
    ///
    /// - Parameter before: what `shown` was last on the same connection.
    package func identifyNow(_ header: String, after before: ShownBefore?) -> (identity: Identity?, shown: ShownBefore?)
    {
        if let before, before.mark.isOf(header, markSalt), let identity = standing(of: before.proof) {
            return (identity, nil)
        }
        let authorization = Authorization(header)
        if let identity = judged(authorization) { return (identity, nil) }
        guard let proof = remembered(authorization) else { return (nil, nil) }
        return (standing(of: proof), shown(header, proof))
    }

    /// What a connection keeps: nothing of a token that says much, for there are many connections.
    private func shown(_ header: String, _ proof: ShownBefore.Proof) -> ShownBefore? {
        switch proof {
        case .token(let token):
            guard token.weight + header.utf8.count <= 4 << 10 else { return nil }
            return ShownBefore(.text(header), proof)
        case .password: return ShownBefore(.code(of: header, markSalt), proof)
        }
    }

    private func identifyNow(_ authorization: Authorization) -> Identity? {
        judged(authorization) ?? remembered(authorization).flatMap(standing)
    }

    /// Who shows something that is looked up each time.
    private func judged(_ authorization: Authorization) -> Identity? {
        switch authorization {
        case .unknown: .refused(.credentials)
        case .bearer(let text) where SecretText.isOne(text): job(text)
        case .basic(let name, let password) where hasSameBytes(name, Self.jobName): job(password)
        case .basic(let name, let password) where SecretText.isOne(password):
            bySecret(name, password).map { .caller($0.caller) }
        case .bearer, .basic: nil
        }
    }

    /// What has proved good lately.
    private func remembered(_ authorization: Authorization) -> ShownBefore.Proof? {
        switch authorization {
        case .bearer(let text) where !SecretText.isOne(text):
            Hash256(of: text).flatMap { tokens[$0] ?? anonymousTokens[$0] }.map { .token($0) }
        case .basic(let name, let password) where !hasSameBytes(name, Self.jobName) && !SecretText.isOne(password):
            basics[key(name, password)].map { .password(name, $0) }
        case .unknown, .bearer, .basic: nil
        }
    }

    /// What a proof is worth at this moment; nil where it has to be given anew.
    private func standing(of proof: ShownBefore.Proof) -> Identity? {
        switch proof {
        case .token(let token): standing(of: token)
        case .password(let name, let password): user(name, by: password).map { .caller(account($0).caller) }
        }
    }

    /// Who sends this header.
    package func identify(_ authorization: Authorization, from address: String) async -> Identity {
        if let known = identifyNow(authorization) { return known }
        switch authorization {
        case .unknown: return .refused(.credentials)
        case .bearer(let text) where SecretText.isOne(text):
            do throws(IdentityRefusal) { try refuseSecret("login", "", address) } catch {
                return .refused(error == .credentials ? .token : error)
            }
        case .bearer(let text): return verify(text)
        case .basic(let name, let password) where hasSameBytes(name, Self.jobName):
            return await identifyJob(password, from: address)
        case .basic(let name, let password):
            do throws(IdentityRefusal) {
                return .caller(try await authenticate(name, password, from: address).caller)
            } catch { return .refused(error) }
        }
    }

    /// The account that name and password open: a user's password, a personal token, a robot's secret, or what a job
    /// shows as the password of `oidc`.
    package func authenticate(
        _ name: String, _ password: String, from address: String
    ) async throws(IdentityRefusal) -> Account {
        if hasSameBytes(name, Self.jobName) { return try await authenticateJob(password, from: address) }
        if SecretText.isOne(password) {
            if let account = bySecret(name, password) { return account }
            try refuseSecret("login", name, address)
        }
        if let user = rememberedUser(name, password) { return account(user) }
        let key = key(name, password)
        let isFirst = await passwordChecks.begin(key)
        defer { if isFirst { passwordChecks.end(key) } }
        // What was wrong or could not be checked just now is this caller's own try.
        if !isFirst, let user = rememberedUser(name, password) { return account(user) }
        if let wait = attempts.take(name, from: address, at: clock.milliseconds()) { throw .tooMany(seconds: wait) }
        let snapshot = self.snapshot
        let user = snapshot.user(named: name)
        let isRight: Bool
        do {
            isRight = try await passwords.check(password, user?.password, dearest: snapshot.dearestBcrypt)
        } catch {
            attempts.giveBack(name, from: address, isRight: false, at: clock.milliseconds())
            throw .busy
        }
        // What it was checked against may have been changed meanwhile.
        guard isRight, let user, let now = self.snapshot.user(named: name), now.id == user.id, !now.isDisabled,
            now.version == user.version
        else {
            noteRefusal("login", name, address)
            throw .credentials
        }
        attempts.giveBack(name, from: address, isRight: true, at: clock.milliseconds())
        basics[key] = RememberedPassword(
            userID: user.id, version: user.version, until: seconds + AccessSettings.passwordSeconds)
        noteUse(ofUser: user.id)
        return account(user)
    }

    /// Counts and notes a secret that is nobody's. It cannot be guessed, so no account is locked for it; whose address
    /// has sent too many is told so, and not noted again.
    func refuseSecret(_ what: String, _ name: String, _ address: String) throws(IdentityRefusal) -> Never {
        if let wait = attempts.takeSecret(from: address, at: clock.milliseconds()) { throw .tooMany(seconds: wait) }
        noteRefusal(what, name, address)
        throw .credentials
    }

    private func noteRefusal(_ what: String, _ name: String, _ address: String) {
        noteRefusal(AuditEntry(now, Actor(name: "anonymous", address: address), what, name, isDone: false))
    }

    private func account(_ user: User) -> Account {
        Account(principal: user.principal, id: user.id, version: user.version, secret: nil)
    }

    // MARK: - Passwords

    private func rememberedUser(_ name: String, _ password: String) -> User? {
        basics[key(name, password)].flatMap { user(name, by: $0) }
    }

    private func key(_ name: String, _ password: String) -> [UInt8] {
        basicKey.seal(Array("\(name)\0\(password)".utf8))
    }

    /// The user whose password it was a moment ago, if it still is.
    private func user(_ name: String, by password: RememberedPassword) -> User? {
        guard seconds < password.until, let user = snapshot.user(named: name), user.id == password.userID,
            user.version == password.version, !user.isDisabled
        else { return nil }
        return user
    }

    // MARK: - Secrets of 256 bits

    /// The account of a personal token or a robot's secret, shown as the password of its owner.
    private func bySecret(_ name: String, _ password: String) -> Account? {
        let snapshot = self.snapshot
        guard let text = SecretText(password), text.kind != .refresh, let stored = snapshot.secrets[text.prefix],
            stored.hash.isSame(as: text.hash), let account = account(stored, snapshot),
            hasSameBytes(account.principal.name, name)
        else { return nil }
        noteUse(ofSecret: stored.id)
        return account
    }

    /// The account behind a stored secret; nil where it has run out, or it or its owner is disabled.
    func account(_ stored: StoredSecret, _ snapshot: Snapshot) -> Account? {
        guard stored.isLive(at: now) else { return nil }
        switch stored.owner {
        case .user(let id):
            guard let user = snapshot.usersByID[id], !user.isDisabled else { return nil }
            return Account(principal: user.principal, id: id, version: user.version, secret: stored)
        case .robot(let id):
            guard let robot = snapshot.robotsByID[id], !robot.isDisabled else { return nil }
            return Account(principal: robot.principal, id: id, version: robot.version, secret: stored)
        }
    }

    // MARK: - Bearer tokens

    /// Checks a token that is not remembered: its signature, and every claim.
    private func verify(_ text: Substring) -> Identity {
        guard text.utf8.count <= 8 << 10, let hash = Hash256(of: text),
            let (claims, key) = snapshot.keys.claims(of: text, at: now),
            let token = BearerToken(
                claims, key: key, BearerToken.Names(issuer: settings.issuer, audience: settings.service))
        else { return .refused(.token) }
        remember(token, hash)
        return standing(of: token)
    }

    /// Anybody gets as many anonymous tokens as he likes: those of accounts are not forgotten for them.
    func remember(_ token: BearerToken, _ hash: Hash256) {
        if token.principal == .anonymous { anonymousTokens[hash] = token } else { tokens[hash] = token }
    }

    /// What a genuine token is good for at this moment: its times, its key and its owner are asked anew on every request.
    private func standing(of token: BearerToken) -> Identity {
        let seconds = self.seconds
        guard let key = token.key, snapshot.keys.verifies(key, at: now) else { return .refused(.token) }
        guard token.notBefore <= seconds + settings.skewSeconds, let caller = caller(of: token) else {
            return .refused(.token)
        }
        return seconds < token.expires + settings.skewSeconds ? .caller(caller) : .expired(caller)
    }

    private func caller(of token: BearerToken) -> Caller? {
        let snapshot = self.snapshot
        switch token.principal {
        case .anonymous:
            return Caller(.anonymous, token: token.reach)
        case .user(let name):
            guard let user = snapshot.user(named: name), user.id == token.accountID, user.version == token.version,
                !user.isDisabled
            else { return nil }
        case .robot(let name):
            guard let robot = snapshot.robot(named: name), robot.id == token.accountID, robot.version == token.version,
                !robot.isDisabled
            else { return nil }
        case .job(let name, _):
            guard let rule = snapshot.rule(named: name), rule.id == token.accountID, rule.version == token.version,
                !rule.isDisabled
            else { return nil }
        }
        if let id = token.certificateID, snapshot.certificatesByID[id]?.isDisabled != false { return nil }
        guard let id = token.secretID else { return Caller(token.principal, token: token.reach) }
        // An upload outlives its token, and a secret that ran out as well; what was revoked is gone, and what is disabled rests.
        guard let secret = snapshot.secretsByID[id], !secret.isDisabled else { return nil }
        return Caller(token.principal, credential: secret.scopes, token: token.reach)
    }
}

extension Principal {
    /// As its owner logs in.
    fileprivate var name: String {
        switch self {
        case .anonymous: ""
        case .user(let name), .robot(let name): name
        case .job: Access.jobName
        }
    }
}
