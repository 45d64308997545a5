import BerthAuthority
import BerthConfig
import BerthHTTP
import Glibc

/// What to do in each client, so that it knows the registry's own authority.
struct ClientGuide {
    /// As it stands in image names: with the port, unless that is 443.
    private let host: String
    /// The authority's certificate, as an absolute path.
    private let file: String
    private let names: [String]

    init(_ configuration: Configuration, _ local: LocalCertificate, _ addresses: [BoundAddress]) {
        host = configuration.http.externalURL?.authority ?? Self.host(configuration, local, addresses)
        file = Self.absolute(local.folder.clientFile)
        names = local.names
    }

    var text: String {
        """
        This registry has a certificate of its own authority, for \(names.joined(separator: ", ")).
        Tell each client of the authority once; the certificate is renewed by itself. On another machine, copy
        \(file) there first, and write its path instead.

        Docker: for localhost nothing; else
            sudo install -D -m 0644 \(file) /etc/docker/certs.d/\(host)/ca.crt
        Podman, Buildah, Skopeo, CRI-O:
            sudo install -D -m 0644 \(file) /etc/containers/certs.d/\(host)/ca.crt
        containerd (with config_path = "/etc/containerd/certs.d" in its config.toml), nerdctl:
            sudo install -D -m 0644 \(file) /etc/containerd/certs.d/\(host)/ca.crt
            printf '[host."https://\(host)"]\\n  ca = "/etc/containerd/certs.d/\(host)/ca.crt"\\n' |
                sudo tee /etc/containerd/certs.d/\(host)/hosts.toml
        ctr, after the same:
            ctr images pull --hosts-dir /etc/containerd/certs.d -u NAME:PASSWORD \(host)/REPOSITORY:TAG
        Helm:
            helm registry login --ca-file \(file) \(host)
            helm push --ca-file \(file) CHART.tgz oci://\(host)/REPOSITORY
        ORAS:
            oras login --ca-file \(file) \(host)
        curl:
            curl --cacert \(file) https://\(host)/v2/
        Everything on a Debian machine, browsers aside:
            sudo install -m 0644 \(file) /usr/local/share/ca-certificates/berth.crt && sudo update-ca-certificates
        """
    }

    /// By what this machine's clients reach it, and others where it listens for them.
    private static func host(
        _ configuration: Configuration, _ local: LocalCertificate, _ addresses: [BoundAddress]
    ) -> String {
        let wanted = zip(configuration.http.listen, addresses).first { if case .tcp = $0.0 { true } else { false } }
        guard case .tcp(let host, _)? = wanted?.0, let port = wanted?.1.port else { return "localhost" }
        let name: String
        switch host {
        case "0.0.0.0", "::":
            name = local.names.first { !["localhost", "127.0.0.1", "::1"].contains($0) } ?? "localhost"
        default: name = configuration.http.listen.allSatisfy(\.isLocal) ? "localhost" : host
        }
        let bracketed = name.contains(":") ? "[\(name)]" : name
        return port == 443 ? bracketed : "\(bracketed):\(port)"
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }
}
