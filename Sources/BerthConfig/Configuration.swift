/// Everything an operator can set, as values that need no further check.
///
/// `Configuration()` holds the defaults; they stand here and nowhere else. `settings` names the keys that set each property.
package struct Configuration: Sendable, Equatable {
    package var http = HTTP()
    package var storage = Storage()
    package var upload = Upload()
    package var manifests = Manifests()
    package var delete = Delete()
    package var collector = Collector()
    package var registry = RegistryMode()
    package var access = Access()
    package var trust = Trust()
    package var log = Log()
    package var metrics = Metrics()
    package var admin = Admin()

    package init() {}
}

extension Configuration {
    /// Where content and facts are kept.
    package struct Storage: Sendable, Equatable {
        /// The root folder; a relative path starts at the working directory. Made when absent.
        package var root = "Storage/data"
        /// The registry id that the root must carry, in lower case. `nil` takes any root, also an empty one.
        package var id: String?
        package var sync = Sync.always
        /// Bytes that stay free on the disk: below that, uploads are refused and deleting still works.
        package var reserveBytes = 64 << 20
        /// From one copy of the catalog to the next; `nil`: none are made by themselves ("off").
        package var snapshots: Duration? = .seconds(24 * 60 * 60)

        package enum Sync: String, Sendable, CaseIterable {
            /// Everything acknowledged has reached the disk.
            case always
            /// Nothing is synced: for registries whose content may be lost with the power.
            case never
        }
    }

    package struct Upload: Sendable, Equatable {
        /// Age at which an unfinished upload is removed and the record of an ended one is forgotten.
        package var maxAge = Duration.seconds(24 * 60 * 60)
        /// Unfinished uploads with bytes that one account may have; without accounts, one address.
        package var maxOpen = 100
        /// Bytes in the unfinished uploads of one account.
        package var maxOpenBytes = 1 << 40
    }

    package struct Manifests: Sendable, Equatable {
        /// Largest manifest taken, in bytes. The distribution specification asks for at least 4 megabytes ("Pushing Manifests").
        package var maxBytes = 4 << 20
        /// Whether an index may name manifests that are not there.
        package var sparseIndexes = false
    }

    package struct Delete: Sendable, Equatable {
        /// Whether clients may delete at all.
        package var isEnabled = true
        package var referenced = Referenced.refuse
        package var children = Children.remove
        package var referrers = Referrers.remove

        /// What happens to a request to delete content that a manifest of the same repository names.
        package enum Referenced: String, Sendable, CaseIterable { case refuse, allow }

        /// What happens to the manifests that only a deleted index held.
        package enum Children: String, Sendable, CaseIterable { case remove, keep }

        /// What happens to the manifests, as signatures, whose subject is deleted.
        package enum Referrers: String, Sendable, CaseIterable { case remove, keep }
    }

    /// How long what nothing keeps any more stays, and what taking it away may cost.
    package struct Collector: Sendable, Equatable {
        /// From one round of collecting to the next.
        package var interval = Duration.seconds(5 * 60)
        /// How long content stays that a client was told is here and that no manifest names yet.
        package var lease = Duration.seconds(6 * 60 * 60)
        /// How long deleted manifests, tags and repositories can be brought back.
        package var window = Duration.seconds(7 * 24 * 60 * 60)
        /// Time of work in each second of a round.
        package var budget = Duration.milliseconds(100)
    }

    package struct RegistryMode: Sendable, Equatable {
        /// Whether every changing request is refused.
        package var isReadOnly = false
        /// What a client is told when a changing request is refused; `nil`: the registry's own words.
        package var message: String?
    }

    package struct Access: Sendable, Equatable {
        /// What callers without credentials may do while there are no accounts. `nil`: nobody decided, so only loopback and narrow Unix
        /// sockets are served.
        package var anonymous: Anonymous?
        /// A file whose users are those of the registry.
        package var htpasswd: String?
        /// How long a bearer token is good for.
        package var tokenLifetime = Duration.seconds(15 * 60)
        /// By how much the clocks of those who check tokens may differ.
        package var clockSkew = Duration.seconds(60)
        /// How long entries of the audit log are kept.
        package var auditAge = Duration.seconds(400 * 24 * 60 * 60)

        package enum Anonymous: String, Sendable, CaseIterable { case none, pull, push }
    }

    package struct Trust: Sendable, Equatable {
        /// How long a CI job's session lives.
        package var session = Duration.seconds(60 * 60)
    }

    package struct Log: Sendable, Equatable {
        package var level = Level.info
        package var format = Format.auto

        /// The levels of swift-log, by the same names.
        package enum Level: String, Sendable, CaseIterable { case trace, debug, info, notice, warning, error, critical }

        /// `auto` is text on a terminal and JSON elsewhere.
        package enum Format: String, Sendable, CaseIterable { case auto, text, json }
    }

    package struct Admin: Sendable, Equatable {
        /// Where the administration API is served to administrators; `nil`: nowhere but on the admin socket ("off").
        package var listen: ListenAddress?
    }

    package struct Metrics: Sendable, Equatable {
        /// Where `/metrics` is served; `nil`: nowhere ("off").
        package var listen: ListenAddress? = .tcp(host: "127.0.0.1", port: 5001)
    }
}
