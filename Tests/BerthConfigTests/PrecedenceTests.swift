import Testing

@testable import BerthConfig

@Suite("Where values come from")
struct PrecedenceTests {
    @Test("nothing given is the defaults, without a file")
    func defaults() throws {
        let loaded = try load()
        #expect(loaded.configuration == Configuration())
        #expect(loaded.file == nil)
        #expect(loaded.origins.isEmpty)
    }

    @Test("the defaults are those that the rules name")
    func rules() {
        let defaults = Configuration()
        #expect(defaults.http.listen == [.tcp(host: "127.0.0.1", port: 5000)])
        #expect(defaults.metrics.listen == .tcp(host: "127.0.0.1", port: 5001))
        #expect(defaults.http.limits.requestLineBytes == 8_192 && defaults.http.limits.headerBytes == 32_768)
        #expect(defaults.http.limits.headerFields == 100 && defaults.http.limits.connections == 16_384)
        #expect(defaults.http.limits.bodyBytesPerSecond == 1_024 && defaults.http.limits.drainBytes == 1 << 20)
        #expect(defaults.http.timeouts.header == .seconds(10) && defaults.http.timeouts.idle == .seconds(120))
        #expect(defaults.http.timeouts.body == .seconds(60) && defaults.http.timeouts.write == .seconds(300))
        #expect(defaults.http.timeouts.handshake == .seconds(10) && defaults.http.timeouts.drain == .seconds(2))
        #expect(defaults.http.timeouts.shutdown == .seconds(25))
        #expect(defaults.manifests.maxBytes == 4 << 20 && defaults.upload.maxAge == .seconds(86_400))
        #expect(defaults.access.anonymous == nil && defaults.http.trustedProxies.isEmpty)
        #expect(defaults.delete.isEnabled && defaults.delete.referenced == .refuse && !defaults.registry.isReadOnly)
    }

    @Test("flags win over the environment, that over the file, that over the default")
    func order() throws {
        let file = "storage:\n  root: /file\n  sync: never\n  reserve: 1GiB\n"
        let environment = ["BERTH_STORAGE_ROOT": "/variable", "BERTH_STORAGE_SYNC": "always"]
        let flags = [Override(key: "storage.root", value: "/flag", flag: "--root")]
        let loaded = try load(file: file, environment: environment, flags: flags)
        #expect(loaded.configuration.storage.root == "/flag")
        #expect(loaded.configuration.storage.sync == .always)
        #expect(loaded.configuration.storage.reserveBytes == 1 << 30)
        #expect(loaded.configuration.upload == Configuration.Upload())
        #expect(loaded.origins["storage.root"] == .flag("--root"))
        #expect(loaded.origins["storage.sync"] == .variable("BERTH_STORAGE_SYNC"))
        #expect(loaded.origins["storage.reserve"] == .file(path: loaded.file ?? "", line: 4))
        #expect(loaded.origins["upload.max_age"] == nil)
    }

    @Test("--config wins over BERTH_CONFIG, and BERTH_CONFIG alone is read")
    func file() throws {
        let roots = try withFile("storage: {root: /one}") { one in
            try withFile("storage: {root: /two}") { two in
                let both = try Configuration.load(file: one, environment: ["BERTH_CONFIG": two])
                let variable = try Configuration.load(environment: ["BERTH_CONFIG": two])
                return [both.configuration.storage.root, variable.configuration.storage.root]
            }
        }
        #expect(roots == ["/one", "/two"])
    }

    @Test("a list replaces a list whole; it has commas outside the file, and flags add up")
    func lists() throws {
        let file = "http: {listen: ['127.0.0.1:1', '127.0.0.1:2']}"
        let flags = [
            Override(key: "http.listen", value: "127.0.0.1:5", flag: "--listen"),
            Override(key: "http.listen", value: "127.0.0.1:6, [::1]:7", flag: "--set"),
        ]
        func addresses(_ loaded: LoadedConfiguration) -> [String] { loaded.configuration.http.listen.map { "\($0)" } }
        #expect(addresses(try load(file: file)) == ["127.0.0.1:1", "127.0.0.1:2"])
        let environment = ["BERTH_HTTP_LISTEN": "127.0.0.1:3, 127.0.0.1:4"]
        #expect(addresses(try load(file: file, environment: environment)) == ["127.0.0.1:3", "127.0.0.1:4"])
        #expect(
            addresses(try load(file: file, environment: environment, flags: flags))
                == ["127.0.0.1:5", "127.0.0.1:6", "[::1]:7"])
        let emptied = try load(file: "http: {hosts: [a]}", environment: ["BERTH_HTTP_HOSTS": ""])
        #expect(emptied.configuration.http.hosts.isEmpty)
    }

    @Test("text keeps its commas")
    func commas() throws {
        let text = "Moved, back at noon"
        #expect(
            try load(flags: [Override(key: "registry.message", value: text)]).configuration.registry.message == text)
        #expect(try load(environment: ["BERTH_REGISTRY_MESSAGE": text]).configuration.registry.message == text)
        #expect(try load(file: "registry: {message: '\(text)'}").configuration.registry.message == text)
    }

    @Test(
        "a file of comments, an empty one and sections without keys set nothing",
        arguments: [
            "", "\n", "# nothing\n", "---\n", "http:\nstorage:\n  # root: /x\n", "http: {tls: }", "{}", "~",
        ])
    func nothing(text: String) throws { #expect(try load(file: text).configuration == Configuration()) }

    @Test("keys may be written with dots")
    func dots() throws {
        #expect(
            try load(file: "storage.root: /x\nhttp:\n  limits.connections: 7\n").configuration.http.limits.connections
                == 7)
    }
}
