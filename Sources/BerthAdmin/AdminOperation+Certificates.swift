import BerthAccess
import BerthModel
import HTTPTypes

extension AdminOperation {
    static let certificates: [AdminOperation] = [
        AdminOperation(.get, "/certificates", "listCertificates", "Whose account which client certificates open.") {
            call throws(AccessError) in
            let tables = try await call.tables()
            return .list("certificates", tables.certificates) { $0.write($1, tables) }
        },
        AdminOperation(
            .post, "/certificates", "addCertificate", "Let client certificates with a name open an account.",
            fields: [
                AdminField(
                    "name", .string, required: true,
                    "A subject alternative name: dns:HOST or uri:URI, exactly as in the certificate."),
                AdminField("owner", .string, required: true, "A user, or a robot as <namespace>+<name>."),
            ], statuses: [200, 201, 400, 404, 409]
        ) { call throws(AccessError) in
            let name = try CertificateName(read: call.body.string("name") ?? "")
            let holder = try SecretHolder(call.body.string("owner") ?? "")
            let addition = try await call.access.addCertificate(name, for: holder, by: call.actor)
            return try await call.added(addition, name.description) {
                $0.certificates.contains { $0.name == name && $0.isDisabled }
            }
        },
        AdminOperation(
            .get, "/certificates/{name}", "getCertificate", "One rule about client certificates.",
            statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            let name = try CertificateName(read: call.parameters[0])
            let tables = try await call.tables()
            guard let rule = tables.certificates.first(where: { $0.name == name }) else {
                throw .unknown("rule for certificates with the name \(name)")
            }
            return AdminAnswer(.ok) { $0.write(rule, tables) }
        },
        AdminOperation(
            .patch, "/certificates/{name}", "changeCertificate", "Let a rule rest, or let it count again.",
            fields: [.disabled("Whether the rule rests for now.")], statuses: [200, 400, 404]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.changeCertificate(
                    try CertificateName(read: call.parameters[0]), isDisabled: call.isDisabled, by: call.actor))
        },
        AdminOperation(
            .delete, "/certificates/{name}", "removeCertificate", "End a rule, with the tokens that it brought.",
            statuses: [200, 400]
        ) { call throws(AccessError) in
            .changed(
                try await call.access.removeCertificate(
                    try CertificateName(read: call.parameters[0]), by: call.actor))
        },
    ]
}

extension CertificateName {
    fileprivate init(read text: String) throws(AccessError) {
        guard let name = CertificateName(text) else {
            throw .invalid("a certificate's name is dns:HOST or uri:URI, as in dns:ci.example.org, without wildcards")
        }
        self = name
    }
}

extension SecretHolder {
    /// Reads the name of a user, or of a robot by its `+`.
    init(_ owner: String) throws(AccessError) {
        if owner.utf8.contains(UInt8(ascii: "+")) {
            self = .robot(try RobotName(owner))
        } else {
            self = .user(try AccountName(owner))
        }
    }
}
