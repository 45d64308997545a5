import BerthDigest
package import BerthModel
import BerthRegistry

extension Access {
    /// The administrator who sends this header over the network: by name and password, or by a personal token as `Bearer`.
    /// Tokens of the token endpoint are for content, and administer nothing. Nil for somebody who is no administrator, or
    /// whose token was not made for that.
    package func administrator(
        _ authorization: Authorization, from address: String
    ) async throws(IdentityRefusal) -> Principal? {
        guard isClosed else { throw .credentials }
        let account: Account
        switch authorization {
        case .basic(let name, let password): account = try await authenticate(name, password, from: address)
        case .bearer(let text):
            guard let known = self.account(personalToken: text) else { try refuseSecret("login", "", address) }
            account = known
        case .unknown: throw .credentials
        }
        guard decide(account.caller, .admin, nil) else {
            noteIntruder(account.principal, address)
            return nil
        }
        return account.principal
    }

    /// Somebody who is himself and no administrator, or whose token was not made for that.
    private func noteIntruder(_ principal: Principal, _ address: String) {
        guard attempts.takeSecret(from: address, at: clock.milliseconds()) == nil else { return }
        noteRefusal(
            AuditEntry(now, Actor(name: principal.text, address: address), "administer", "registry", isDone: false))
    }

    private func account(personalToken text: Substring) -> Account? {
        let snapshot = self.snapshot
        guard let text = SecretText(String(text)), text.kind == .personal, let stored = snapshot.secrets[text.prefix],
            stored.hash.isSame(as: text.hash), let account = account(stored, snapshot)
        else { return nil }
        noteUse(ofSecret: stored.id)
        return account
    }
}
