import BerthCatalog
import BerthModel
import BerthRegistry
import BerthServer
import BerthTestSupport
import Foundation
import HTTPTypes
import Logging
import Testing

@testable import BerthAdmin

@Suite("Everything that is administered is in the audit log")
struct AuditTests {
    /// Operations that are no GET, and yet change nothing.
    private static let changeNothing: Set<String> = ["checkTrust"]

    /// A call that succeeds after those before it, and the entry that it leaves.
    private struct Step {
        let operation: String
        let path: String
        let fields: [String: Any]
        let action: String

        init(_ operation: String, _ path: String, _ fields: [String: Any], _ action: String) {
            (self.operation, self.path, self.fields, self.action) = (operation, path, fields, action)
        }
        init(_ operation: String, _ path: String, _ action: String) { self.init(operation, path, [:], action) }
    }

    @Test("each operation that changes something leaves an entry with its actor, and none is forgotten here")
    func everyOperation() async throws {
        try await withLiveServer { live in
            let server = live.server
            let parts = AdminParts(
                access: server.access, registry: server.registry, collector: server.collector,
                restoring: Restoring(leave: { _, _ in }, restart: {}))
            let api = AdminAPI(
                parts, version: "1", door: .socket(user: 0),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let digest = try await push(to: server.registry)
            try await server.registry.delete(Tag("t"), in: RepositoryName("team/app"), if: .none, by: .anonymous)
            var done: Set<String> = []
            func run(_ steps: [Step]) async throws {
                for step in steps { done.insert(try await check(step, api)) }
            }
            let trust: [String: Any] = [
                "name": "ci", "issuer": "https://issuer.test", "audience": "a", "conditions": ["sub=repo:org/app:ref"],
            ]
            try await run([
                Step("addUser", "/users", ["name": "ann", "password": "correct horse"], "user.add"),
                Step("addGroup", "/groups", ["name": "team"], "group.add"),
                Step("addMember", "/groups/team/members/ann", "group.member.add"),
                Step("addRobot", "/robots", ["name": "team+ci"], "robot.add"),
                Step("addToken", "/tokens", ["owner": "ann"], "token.add"),
                Step("addCertificate", "/certificates", ["name": "dns:a", "owner": "ann"], "certificate.add"),
                Step("changeCertificate", "/certificates/dns:a", ["disabled": true], "certificate.change"),
                Step("addGrant", "/grants", ["subject": "user:ann", "role": "reader", "pattern": "a"], "grant.add"),
                Step("changeGrant", "/grants/user:ann/a", ["disabled": true], "grant.change"),
                Step("addTrust", "/trust", trust, "trust.add"),
                Step("changeTrust", "/trust/ci", ["disabled": true], "trust.change"),
            ])
            let tokens = try await api.json("GET", "/tokens").json["tokens"] as? [[String: Any]]
            let token = try #require(tokens?.first?["id"] as? String)
            let keys = try await api.json("GET", "/keys").json["keys"] as? [[String: Any]]
            let key = try #require(keys?.first?["id"] as? String)
            try await run([
                Step("changeToken", "/tokens/\(token)", ["disabled": true], "token.change"),
                Step("changeGroup", "/groups/team", ["disabled": true], "group.change"),
                Step("changeUser", "/users/ann", ["disabled": true], "user.change"),
                Step("changeRobot", "/robots/team+ci", ["disabled": true], "robot.change"),
                Step("rotateKey", "/keys", "key.rotate"),
                Step("changeKey", "/keys/\(key)", ["disabled": true], "key.change"),
                Step("removeKey", "/keys/\(key)", "key.remove"),
                Step("removeTrust", "/trust/ci", "trust.remove"),
                Step("removeGrant", "/grants/remove", ["subject": "user:ann", "pattern": "a"], "grant.remove"),
                Step("removeCertificate", "/certificates/dns:a", "certificate.remove"),
                Step("removeToken", "/tokens/\(token)", "token.remove"),
                Step("removeMember", "/groups/team/members/ann", "group.member.remove"),
                Step("removeRobot", "/robots/team+ci", "robot.remove"),
                Step("removeGroup", "/groups/team", "group.remove"),
                Step("removeUser", "/users/ann", "user.remove"),
                Step("createRepository", "/repositories", ["name": "a"], "repository.create"),
                Step("changeRepository", "/repositories/a", ["description": "x"], "repository.set"),
                Step("restoreTag", "/repositories/team%2Fapp/tags/t/restore", "tag.restore"),
                Step("addTagRule", "/tag-rules", ["name": "a", "tags": ["v*"]], "tag-rule.add"),
                Step("removeTagRule", "/tag-rules/a", "tag-rule.remove"),
            ])
            try await server.registry.deleteManifest(digest, in: RepositoryName("team/app"), by: .anonymous)
            try await run([
                Step("undeleteManifest", "/repositories/team%2Fapp/manifests/\(digest)/undelete", "undelete"),
                Step("deleteRepository", "/repositories/team%2Fapp", "repository.delete"),
                Step("undeleteRepository", "/repositories/team%2Fapp/undelete", "repository.undelete"),
                Step("purge", "/purges/\(digest)", "purge"), Step("collect", "/gc", "gc"),
                Step("createSnapshot", "/snapshots", "snapshot.create"),
                Step("restore", "/restorations", ["snapshot": "latest"], "restore"),
            ])
            let all = Set(AdminOperation.all.filter { $0.method != .get }.map(\.id))
            #expect(all.subtracting(Self.changeNothing).symmetricDifference(done).isEmpty)
            #expect(Self.changeNothing.isSubset(of: all))
        }
    }

    /// Runs one call: the id of the operation that it was.
    private func check(_ step: Step, _ api: AdminAPI) async throws -> String {
        let operation = try #require(AdminOperation.all.first { $0.id == step.operation }, "\(step.operation)")
        let found = try #require(AdminOperation.find("/api/v1" + step.path), "\(step.path)")
        #expect(found.operations.contains { $0.id == operation.id }, "\(step.path) is \(operation.path)")
        let before = try await newest(api)
        let answer = try await api.json(operation.method.rawValue, step.path, step.fields)
        #expect(answer.status < 300, "\(step.operation): \(answer.json)")
        let entries = try await api.json("GET", "/audit").json["entries"] as? [[String: Any]] ?? []
        let isNoted = entries.contains {
            ($0["id"] as? Int ?? 0) > before && $0["action"] as? String == step.action
                && $0["actor"] as? String == "operator"
        }
        #expect(isNoted, "\(step.operation) is in the audit log when it is answered")
        return operation.id
    }

    private func newest(_ api: AdminAPI) async throws -> Int {
        let entries = try await api.json("GET", "/audit?limit=1").json["entries"] as? [[String: Any]]
        return entries?.first?["id"] as? Int ?? 0
    }
}

/// Pushes an index without entries to `team/app`, under the tag `t`; its digest.
private func push(to registry: Registry) async throws -> Digest {
    let bytes = Array(#"{"schemaVersion":2,"mediaType":"\#(ManifestType.ociIndex.rawValue)","manifests":[]}"#.utf8)
    let put = ManifestPut(
        repository: try RepositoryName("team/app"), reference: .digest(try sha256(bytes)), bytes: bytes,
        contentType: nil, tags: [try Tag("t")], condition: .none)
    return try await registry.push(put, by: .anonymous).digest
}
