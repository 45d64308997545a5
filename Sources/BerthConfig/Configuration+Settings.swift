extension Configuration {
    /// The table of keys. A property of `Configuration` without a line here cannot be set, and a test says so.
    static let settings = SettingsTable<Configuration>(
        sections: [
            "http": "How clients reach the registry.",
            "http.tls": "TLS 1.2 and 1.3 on every TCP address of http.listen. Files are read again when they change.",
            "http.limits": "What one request and one connection may cost.",
            "http.timeouts": "Deadlines are on progress, never on a whole request.",
            "storage": "Where content and facts are kept.",
            "upload": "Unfinished uploads.",
            "manifests": "What a manifest may be.",
            "delete": "What clients may delete.",
            "collector": "Freeing what nothing keeps any more, while the registry runs.",
            "registry": "The registry as a whole.",
            "access": "Who may do what.",
            "trust": "CI jobs that log in with an identity token (berth trust).",
            "log": "Log lines, on standard error.",
            "admin": "The administration API for administrators elsewhere; commands use run/admin.sock in the root.",
            "metrics": "Prometheus metrics, on a listener of their own.",
        ],
        reachSettings + limitSettings + contentSettings + collectorSettings + operationSettings
    )

    private static let reachSettings: [Setting<Configuration>] = [
        Setting(
            "http.listen", list: \.http.listen, .listenAddress,
            doc: "Addresses to serve on: host:port, [IPv6]:port or unix:/path?mode=0660."),
        Setting(
            "http.external_url", optional: \.http.externalURL, .externalURL,
            doc: "URL by which clients reach the registry, where it differs from the addresses."),
        Setting(
            "http.trusted_proxies", list: \.http.trustedProxies, .trustedProxy,
            doc: "Networks of the proxies whose X-Forwarded headers are believed; unix: those on Unix sockets."),
        Setting(
            "http.hosts", list: \.http.hosts, .hostName,
            doc: "Host names that clients may use, besides loopback and the addresses, while the registry is open."),
        Setting(
            "http.tls.certificate", optional: \.http.tls.certificate, .path(example: "/etc/berth/tls.crt"),
            reloads: true,
            doc: "PEM file of the certificate and its chain; key with it, or neither."),
        Setting(
            "http.tls.key", optional: \.http.tls.key, .path(example: "/etc/berth/tls.key"), reloads: true,
            doc: "PEM file of the certificate's private key."),
        Setting(
            "http.tls.additional", list: \.http.tls.additional, .certificatePair, reloads: true,
            doc: "Certificates for further names, each CERTIFICATE:KEY; a client gets the one for the name it asks for."
        ),
        Setting(
            "http.tls.self_signed", \.http.tls.isSelfSigned, .flag,
            doc: "Instead of a certificate: make one, and the authority for it, under the root (--tls-self-signed)."),
        Setting(
            "http.tls.client_ca", optional: \.http.tls.clientCA, .path(example: "/etc/berth/clients-ca.crt"),
            reloads: true,
            doc: "PEM file of the authorities whose client certificates are good."),
        Setting(
            "http.tls.client_auth", \.http.tls.clientAuth, .choice,
            doc: "Whether clients show a certificate: off, optional, or required (no connection without one)."),
    ]

    private static let limitSettings: [Setting<Configuration>] = [
        Setting(
            "http.limits.request_line", \.http.limits.requestLineBytes, .size(256...(64 << 10)),
            doc: "Longest request line."),
        Setting(
            "http.limits.header_bytes", \.http.limits.headerBytes, .size((1 << 10)...(1 << 20)),
            doc: "The whole head of one request, its request line included."),
        Setting(
            "http.limits.header_fields", \.http.limits.headerFields, .count(8...10_000),
            doc: "Header fields of one request."),
        Setting(
            "http.limits.connections", \.http.limits.connections, .count(1...1_000_000),
            doc: "Open connections, all clients together."),
        Setting(
            "http.limits.connections_per_address", \.http.limits.connectionsPerAddress, .count(0...1_000_000),
            doc: "Open connections of one client address; 0 is no limit."),
        Setting(
            "http.limits.body_memory", \.http.limits.bodyMemoryBytes, .size((1 << 20)...(1 << 40)),
            doc: "Memory for request bodies, all uploads together."),
        Setting(
            "http.limits.body_rate", \.http.limits.bodyBytesPerSecond, .size(0...(1 << 30)),
            doc: "Slowest request body taken, in bytes a second over the time of http.timeouts.body; 0 is no limit."),
        Setting(
            "http.limits.drain_bytes", \.http.limits.drainBytes, .size(0...(1 << 30)),
            doc: "Bytes of a refused body that are read and dropped before the connection closes."),
        Setting(
            "http.timeouts.header", \.http.timeouts.header, upToADay,
            doc: "From the first byte of a request to the end of its headers."),
        Setting(
            "http.timeouts.idle", \.http.timeouts.idle, upToADay,
            doc: "A kept-alive connection without a request."),
        Setting(
            "http.timeouts.body", \.http.timeouts.body, upToADay,
            doc: "A request body without a single byte, or slower than http.limits.body_rate."),
        Setting(
            "http.timeouts.write", \.http.timeouts.write, upToADay,
            doc: "An answer of which the client takes nothing."),
        Setting("http.timeouts.handshake", \.http.timeouts.handshake, upToADay, doc: "A TLS handshake."),
        Setting(
            "http.timeouts.drain", \.http.timeouts.drain, upToADay,
            doc: "Reading on after a refusal."),
        Setting(
            "http.timeouts.shutdown", \.http.timeouts.shutdown, .duration(.zero ... .seconds(24 * 60 * 60)),
            doc: "What running requests get on SIGTERM; a second SIGTERM ends at once."),
    ]

    private static let contentSettings: [Setting<Configuration>] = [
        Setting(
            "storage.root", \.storage.root, .path(example: "/var/lib/berth"),
            doc: "Folder of everything the registry keeps; made when absent."),
        Setting(
            "storage.id", optional: \.storage.id, .uuid,
            doc: "Id that the root must carry (see its LAYOUT file), so that an unmounted disk is no empty registry."),
        Setting(
            "storage.sync", \.storage.sync, .choice,
            doc: "always: what is acknowledged is on the disk; never: for registries that may be lost."),
        Setting(
            "storage.reserve", \.storage.reserveBytes, .size(0...(1 << 50)),
            doc: "Free space below which uploads are refused and deleting still works."),
        Setting(
            "storage.snapshots", \.storage.snapshots, .durationOrOff(.seconds(1) ... .seconds(365 * 24 * 60 * 60)),
            doc:
                "How often the catalog is copied to snapshots/ (berth restore), or \"off\"; copies stay for collector.window."
        ),
        Setting(
            "upload.max_age", \.upload.maxAge, .duration(.seconds(1) ... .seconds(365 * 24 * 60 * 60)),
            doc: "Age at which an unfinished upload is removed."),
        Setting(
            "upload.max_open", \.upload.maxOpen, .count(1...1_000_000),
            doc: "Unfinished uploads of one account; without accounts, of one address."),
        Setting(
            "upload.max_open_bytes", \.upload.maxOpenBytes, .size((1 << 20)...(1 << 50)),
            doc: "Bytes in the unfinished uploads of one account."),
        Setting(
            "manifests.max_size", \.manifests.maxBytes, .size(4_000_000...(64 << 20)),
            doc: "Largest manifest taken; the specification asks for 4 MB at least."),
        Setting(
            "manifests.sparse_indexes", \.manifests.sparseIndexes, .flag,
            doc: "Whether an index may name manifests that are not there."),
        Setting("delete.enabled", \.delete.isEnabled, .flag, doc: "Whether clients may delete at all."),
        Setting(
            "delete.referenced", \.delete.referenced, .choice,
            doc: "Deleting what a manifest of the repository still names: refuse or allow."),
        Setting(
            "delete.children", \.delete.children, .choice,
            doc: "Manifests that only a deleted index held: remove or keep."),
        Setting(
            "delete.referrers", \.delete.referrers, .choice,
            doc: "Signatures and other manifests whose subject is deleted: remove or keep."),
    ]

    private static let collectorSettings: [Setting<Configuration>] = [
        Setting(
            "collector.interval", \.collector.interval, .duration(.milliseconds(100) ... .seconds(24 * 60 * 60)),
            doc: "From one round of collecting to the next."),
        Setting(
            "collector.lease", \.collector.lease, .duration(.seconds(1) ... .seconds(30 * 24 * 60 * 60)),
            doc: "How long content stays that a client sent or asked for and no manifest names yet; longer than any "
                + "push pauses. Nothing is collected for as long after a start."),
        Setting(
            "collector.window", \.collector.window, .duration(.zero ... .seconds(10 * 365 * 24 * 60 * 60)),
            doc: "How long what is deleted can be brought back, and its bytes stay; 0 is not at all."),
        Setting(
            "collector.budget", \.collector.budget, .duration(.milliseconds(1) ... .seconds(1)),
            doc: "How much of each second a round may work."),
    ]

    private static let operationSettings: [Setting<Configuration>] = [
        Setting("registry.read_only", \.registry.isReadOnly, .flag, doc: "Whether every changing request is refused."),
        Setting(
            "registry.message", optional: \.registry.message,
            .line(atMost: 500, example: "The registry moves today and is back at noon."),
            doc: "What clients are told when a changing request is refused."),
        Setting(
            "access.anonymous", optional: \.access.anonymous, .choice,
            doc:
                "While there are no accounts, what everybody may do: none, pull or push. Unset, only loopback is served."
        ),
        Setting(
            "access.htpasswd", optional: \.access.htpasswd, .path(example: "/etc/berth/htpasswd"), reloads: true,
            doc:
                "File of users with bcrypt passwords (htpasswd -B), beside those made by commands; read again when it changes."
        ),
        Setting(
            "access.token_lifetime", \.access.tokenLifetime, .duration(.seconds(1) ... .seconds(24 * 60 * 60)),
            doc: "How long a bearer token is good for; clients fetch the next one by themselves."),
        Setting(
            "access.clock_skew", \.access.clockSkew, .duration(.zero ... .seconds(10 * 60)),
            doc: "By how much clocks may differ before a token counts as expired or not yet valid."),
        Setting(
            "access.audit_age", \.access.auditAge, .duration(.seconds(60 * 60) ... .seconds(10 * 365 * 24 * 60 * 60)),
            doc: "How long entries of the audit log are kept; at most 1,000,000 done and 100,000 refused ones."),
        Setting(
            "trust.session", \.trust.session, .duration(.seconds(1) ... .seconds(12 * 60 * 60)),
            doc: "How long a job is let in that has once presented a valid identity token, also when that has expired."),
        Setting(
            "log.level", \.log.level, .choice,
            doc: "Least level logged: trace, debug, info, notice, warning, error or critical."),
        Setting(
            "log.format", \.log.format, .choice, doc: "text, json, or auto: text on a terminal and JSON elsewhere."),
        Setting(
            "metrics.listen", \.metrics.listen, .listenAddressOrOff,
            doc: "Address of /metrics, or \"off\"."),
        Setting(
            "admin.listen", \.admin.listen, .listenAddressOrOff,
            doc: "Address of /api/v1 for administrators, by password or personal token, or \"off\"."),
    ]

    private static let upToADay = ValueKind.duration(.milliseconds(1) ... .seconds(24 * 60 * 60))
}
