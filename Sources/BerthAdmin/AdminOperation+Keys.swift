import BerthAccess
import BerthModel
import HTTPTypes

extension AdminOperation {
    static let keys: [AdminOperation] = [
        AdminOperation(.get, "/keys", "listKeys", "The keys that sign tokens.") { call in
            .list("keys", call.access.keys()) { $0.write($1) }
        },
        AdminOperation(
            .post, "/keys", "rotateKey", "Publish a new key, which signs in 15 minutes.", statuses: [200, 201, 400]
        ) { call throws(AccessError) in
            .added(try await call.access.rotateKey(by: call.actor), "key")
        },
        AdminOperation(.get, "/keys/{id}", "getKey", "One key, without what it is.", statuses: [200, 404]) {
            call throws(AccessError) in
            guard let key = call.access.keys().first(where: { hasSameBytes($0.id, call.parameters[0]) }) else {
                throw .unknown("key \(call.parameters[0])")
            }
            return AdminAnswer(.ok) { $0.write(key) }
        },
        AdminOperation(
            .patch, "/keys/{id}", "changeKey",
            "Take a key out of use for now: it signs nothing, and what it signed is refused until it is enabled again.",
            fields: [.disabled("Whether it neither signs nor verifies for now.")], statuses: [200, 400, 404, 409]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.changeKey(call.parameters[0], isDisabled: call.isDisabled, by: call.actor))
        },
        AdminOperation(
            .delete, "/keys/{id}", "removeKey", "Remove a key for good, and refuse all that it signed."
        ) { call throws(AccessError) in
            .changed(try await call.access.removeKey(call.parameters[0], by: call.actor))
        },
    ]
}
