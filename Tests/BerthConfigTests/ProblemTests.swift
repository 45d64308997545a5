import Testing

@testable import BerthConfig

@Suite("What is said about a wrong configuration")
struct ProblemTests {
    @Test(
        "a file's problem names file, line, key, value and what was expected",
        arguments: [
            ("storage:\n  rot: /x\n", "berth.yaml:2: unknown key storage.rot; did you mean storage.root?"),
            ("root: /x\n", "berth.yaml:1: unknown key root; did you mean storage.root?"),
            ("limits:\n  connections: 7\n", "berth.yaml:1: unknown key limits"),
            ("flavour: sweet\n", "berth.yaml:1: unknown key flavour"),
            ("http:\n  lisen: []\n", "berth.yaml:2: unknown key http.lisen; did you mean http.listen?"),
            ("\"a b\": 1\n", "berth.yaml:1: unknown key \"a b\""),
            ("[1]: 1\n", "berth.yaml:1: unknown key ?"),
            ("storage:\n  sync: sometimes\n", "berth.yaml:2: storage.sync is \"sometimes\"; expected always or never"),
            ("storage:\n  sync:\n", "berth.yaml:2: storage.sync has no value; expected always or never"),
            ("storage:\n  root: ~\n", "berth.yaml:2: storage.root has no value; expected a path"),
            ("storage:\n  root: ''\n", "berth.yaml:2: storage.root has no value; expected a path"),
            (
                "storage: /x\n",
                "berth.yaml:1: storage is a section; its keys are storage.root, storage.id, storage.sync, storage.reserve, storage.snapshots"
            ),
            ("storage:\n  root: [/x]\n", "berth.yaml:2: storage.root takes one value; expected a path"),
            ("storage:\n  root:\n    x: 1\n", "berth.yaml:2: storage.root takes one value; expected a path"),
            (
                "http:\n  hosts: a\n",
                "berth.yaml:2: http.hosts takes a list; expected [...] with each item a host as registry.example.org"
            ),
            (
                "http:\n  hosts: [[a]]\n",
                "berth.yaml:2: http.hosts takes a list; expected [...] with each item a host as registry.example.org"
            ),
            (
                "http:\n  trusted_proxies: [10.0.0.0/8, 10.0.0.1/8]\n",
                "berth.yaml:2: http.trusted_proxies has \"10.0.0.1/8\"; expected unix, or a network as 10.0.0.0/8, fd00::/8 or 192.0.2.7 (bits beyond the prefix are set; the network is 10.0.0.0/8)"
            ),
            (
                "http:\n  timeouts:\n    idle: 120\n",
                "berth.yaml:3: http.timeouts.idle is \"120\"; expected a duration as 500ms, 2s, 1h30m or 7d, from 1ms to 1d (the unit is missing)"
            ),
            (
                "http: {limits: {connections: 0}}\n",
                "berth.yaml:1: http.limits.connections is \"0\"; expected a whole number from 1 to 1000000"
            ),
            (
                "http: {limits: {header_bytes: 2GiB}}\n",
                "berth.yaml:1: http.limits.header_bytes is \"2GiB\"; expected a size as 512, 64KiB or 10GiB, from 1KiB to 1MiB"
            ),
            (
                "manifests: {max_size: 3999999}\n",
                "berth.yaml:1: manifests.max_size is \"3999999\"; expected a size as 512, 64KiB or 10GiB, from 4000000 to 64MiB"
            ),
            ("delete: {enabled: yes}\n", "berth.yaml:1: delete.enabled is \"yes\"; expected true or false"),
            (
                "log: {level: loud}\n",
                "berth.yaml:1: log.level is \"loud\"; expected trace, debug, info, notice, warning, error or critical"
            ),
            (
                "metrics: {listen: 5001}\n",
                "berth.yaml:1: metrics.listen is \"5001\"; expected off, or an address as 127.0.0.1:5001, [::1]:5001 or unix:/run/berth-metrics.sock (the port is missing)"
            ),
            (
                "storage: {id: 12}\n",
                "berth.yaml:1: storage.id is \"12\"; expected the id in the root's LAYOUT file, a UUID"
            ),
            (
                "registry: {message: \"a\\nb\"}\n",
                "berth.yaml:1: registry.message is \"a\\nb\"; expected one line of 1 to 500 bytes"
            ),
            ("upload:\n  max_age: 1d\n  max_age: 2d\n", "berth.yaml:2: max_age is given twice"),
            ("storage: {root: /a}\nstorage.root: /b\n", "berth.yaml:2: storage.root is given twice"),
            ("- a\n", "berth.yaml:1: is not YAML: sections and keys are expected, as in \"storage:\""),
            ("just words\n", "berth.yaml:1: is not YAML: sections and keys are expected, as in \"storage:\""),
            ("http:\n  listen: [\n", "berth.yaml:3: is not YAML: did not find expected node content"),
            ("a: 1\n---\nb: 1\n", "berth.yaml:2: is not YAML: but found another document"),
        ])
    func file(text: String, complaint: String) throws { #expect(try complaints(file: text) == [complaint]) }

    @Test("a long value is cut")
    func long() throws {
        let said = try complaints(file: "storage: {sync: \(String(repeating: "x", count: 5_000))}")
        #expect(
            said == [
                "berth.yaml:1: storage.sync is \"\(String(repeating: "x", count: 100))\"…; expected always or never"
            ])
    }

    @Test("a file that cannot be read says why")
    func unreadable() throws {
        #expect(
            throws: ConfigurationErrors(problems: [
                ConfigurationProblem(
                    origin: .file(path: "/nowhere/berth.yaml", line: nil), fault: .unreadable("no such file"))
            ])
        ) { try Configuration.load(file: "/nowhere/berth.yaml") }
        #expect(
            throws: ConfigurationErrors(problems: [
                ConfigurationProblem(
                    origin: .file(path: "/tmp", line: nil), fault: .unreadable("it is a folder or cannot be read"))
            ])
        ) { try Configuration.load(file: "/tmp") }
        #expect(
            try complaints(file: String(repeating: "#", count: (1 << 20) + 1)) == [
                "berth.yaml: cannot be read: it is longer than 1 MiB"
            ])
    }

    @Test(
        "a variable's problem names the variable, and no value of one that is not known",
        arguments: [
            ("BERTH_STORAGE_ROT", "s3cret", "BERTH_STORAGE_ROT: unknown variable; did you mean BERTH_STORAGE_ROOT?"),
            ("BERTH_CONFIGURATION_OF_ALL", "s3cret", "BERTH_CONFIGURATION_OF_ALL: unknown variable"),
            ("BERTH_CONFG", "s3cret", "BERTH_CONFG: unknown variable; did you mean BERTH_CONFIG?"),
            ("BERTH_", "s3cret", "BERTH_: unknown variable"),
            (
                "BERTH_STORAGE_SYNC", "sometimes",
                "BERTH_STORAGE_SYNC: storage.sync is \"sometimes\"; expected always or never"
            ),
            ("BERTH_STORAGE_SYNC", "", "BERTH_STORAGE_SYNC: storage.sync has no value; expected always or never"),
            (
                "BERTH_HTTP_HOSTS", "a,,b",
                "BERTH_HTTP_HOSTS: http.hosts has \"\"; expected a host as registry.example.org"
            ),
            (
                "BERTH_HTTP_EXTERNAL_URL", "registry",
                "BERTH_HTTP_EXTERNAL_URL: http.external_url is \"registry\"; expected a URL as https://registry.example.org (the scheme is missing)"
            ),
            ("BERTH_CONFIG", "/nowhere/x.yaml", "/nowhere/x.yaml: cannot be read: no such file"),
        ])
    func environment(variable: String, value: String, complaint: String) throws {
        #expect(try complaints(environment: [variable: value]) == [complaint])
    }

    @Test(
        "variables of others, and those that a service called berth brings, pass",
        arguments: [
            "PATH", "BERTHA", "berth_storage_root", "BERTH_SERVICE_HOST", "BERTH_SERVICE_PORT",
            "BERTH_SERVICE_PORT_HTTP", "BERTH_PORT",
            "BERTH_PORT_5000_TCP", "BERTH_PORT_5000_TCP_PROTO", "BERTH_PORT_5000_TCP_PORT", "BERTH_PORT_5000_TCP_ADDR",
            "BERTH_METRICS_SERVICE_HOST", "BERTH_METRICS_PORT_5001_TCP_ADDR",
        ])
    func others(variable: String) throws {
        #expect(try complaints(environment: [variable: "tcp://10.0.0.1:5000"]).isEmpty)
    }

    @Test(
        "a flag's problem names the flag",
        arguments: [
            (
                [Override(key: "http.listen", value: "5000", flag: "--listen")],
                "--listen: http.listen has \"5000\"; expected an address as 127.0.0.1:5000, [::1]:5000 or unix:/run/berth.sock?mode=0660 (the port is missing)"
            ),
            (
                [Override(key: "storage.root", value: "", flag: "--root")],
                "--root: storage.root has no value; expected a path"
            ),
            ([Override(key: "storge.root", value: "/x")], "--set: unknown key storge.root; did you mean storage.root?"),
            ([Override(key: "storage", value: "/x")], "--set: unknown key storage"),
            ([Override(key: "", value: "/x")], "--set: unknown key \"\""),
            (
                [
                    Override(key: "storage.root", value: "/x", flag: "--root"),
                    Override(key: "storage.root", value: "/y"),
                ],
                "--set: storage.root is given twice"
            ),
        ])
    func flags(overrides: [Override], complaint: String) throws {
        #expect(try complaints(flags: overrides) == [complaint])
    }

    @Test("all problems are told together, also of values that a higher source replaces")
    func together() throws {
        let said = try complaints(
            file: "log:\n  level: loud\nstorage:\n  rot: /x\n  sync: sometimes\n",
            environment: ["BERTH_LOG_FORMAT": "xml", "BERTH_NONSENSE": "1"],
            flags: [
                Override(key: "log.level", value: "debug"), Override(key: "upload.max_age", value: "old"),
                Override(key: "http.tls.key", value: "/key"),
            ])
        #expect(
            said == [
                "berth.yaml:2: log.level is \"loud\"; expected trace, debug, info, notice, warning, error or critical",
                "berth.yaml:4: unknown key storage.rot; did you mean storage.root?",
                "berth.yaml:5: storage.sync is \"sometimes\"; expected always or never",
                "BERTH_NONSENSE: unknown variable",
                "BERTH_LOG_FORMAT: log.format is \"xml\"; expected auto, text or json",
                "--set: upload.max_age is \"old\"; expected a duration as 500ms, 2s, 1h30m or 7d, from 1s to 365d",
                "--set: http.tls.key is set and http.tls.certificate is not; TLS takes both",
            ])
    }

    @Test(
        "the nearest name is a slip away, or has the right last word",
        arguments: [
            ("storage.rooot", "storage.root"), ("stroage.root", "storage.root"),
            ("connections_per_address", "http.limits.connections_per_address"),
            ("http.limit.connections", "http.limits.connections"), ("http.timeout.idle", "http.timeouts.idle"),
            ("limits.body_memory", "http.limits.body_memory"), ("listen", nil), ("x", nil), ("", nil),
            (String(repeating: "y", count: 300), nil),
        ] as [(String, String?)])
    func nearest(name: String, expected: String?) {
        #expect(nearestName(to: name, among: Configuration.settings.names) == expected)
    }

    @Test(
        "edit distance counts letters",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("ab", "ba", 1), ("root", "rot", 1), ("kitten", "sitting", 3),
            ("sync", "sync", 0),
        ])
    func distance(a: String, b: String, expected: Int) { #expect(editDistance(a, b) == expected) }
}
