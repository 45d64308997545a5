/// What a restore leaves as it is now: who may do what, and who did what. An older catalog may bring back an image, and
/// never a person, a token or a key that was removed since.
enum KeptTables {
    /// Of the database that is attached as `present`, which has the same schema; foreign keys are not asked meanwhile.
    static let replacing: [StaticString] = [
        "DELETE FROM access_state", "INSERT INTO access_state SELECT * FROM present.access_state",
        "DELETE FROM access_user", "INSERT INTO access_user SELECT * FROM present.access_user",
        "DELETE FROM access_group", "INSERT INTO access_group SELECT * FROM present.access_group",
        "DELETE FROM access_group_member", "INSERT INTO access_group_member SELECT * FROM present.access_group_member",
        "DELETE FROM access_robot", "INSERT INTO access_robot SELECT * FROM present.access_robot",
        "DELETE FROM access_secret", "INSERT INTO access_secret SELECT * FROM present.access_secret",
        "DELETE FROM access_refresh", "INSERT INTO access_refresh SELECT * FROM present.access_refresh",
        "DELETE FROM access_key", "INSERT INTO access_key SELECT * FROM present.access_key",
        "DELETE FROM access_certificate", "INSERT INTO access_certificate SELECT * FROM present.access_certificate",
        "DELETE FROM access_file_user", "INSERT INTO access_file_user SELECT * FROM present.access_file_user",
        "DELETE FROM access_grant", "INSERT INTO access_grant SELECT * FROM present.access_grant",
        "DELETE FROM trust_rule", "INSERT INTO trust_rule SELECT * FROM present.trust_rule",
        "DELETE FROM trust_session", "INSERT INTO trust_session SELECT * FROM present.trust_session",
        "DELETE FROM audit", "INSERT INTO audit SELECT * FROM present.audit",
    ]
}
