// Which users an htpasswd file has brought.

extension Migration {
    static let fileUsers = Migration(
        number: 4, name: "users of a file",
        statements: [
            """
            CREATE TABLE access_file_user (
                user_id   INTEGER PRIMARY KEY REFERENCES access_user (id) ON DELETE CASCADE,
                is_absent INTEGER NOT NULL CHECK (is_absent IN (0, 1))
            ) STRICT
            """
        ])
}
