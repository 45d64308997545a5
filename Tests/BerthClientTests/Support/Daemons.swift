import Foundation
import Glibc

/// Docker's engine with all its state in a folder of its own, on a Unix socket.
struct DockerEngine: Sendable {
    let socket: String

    static let shared = Once<DockerEngine> {
        let keeper = try await Keeper.daemon("dockerd", readyAt: "API listen on ") { folder in
            try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(folder)/daemon.json"))
            return [
                "dockerd", "--config-file", "\(folder)/daemon.json", "--bridge=none", "--iptables=false",
                "--ip6tables=false", "--data-root", "\(folder)/data", "--exec-root", "\(folder)/exec",
                "--pidfile", "\(folder)/pid", "--host", "unix://\(folder)/socket",
            ]
        }
        return DockerEngine(socket: "unix://\(keeper.folder)/socket")
    }
}

/// containerd with all its state in a folder of its own.
struct ContainerdEngine: Sendable {
    let socket: String

    static let shared = Once<ContainerdEngine> {
        let keeper = try await Keeper.daemon("containerd", readyAt: "successfully booted in") { folder in
            let settings = """
                version = 2
                root = "\(folder)/root"
                state = "\(folder)/state"
                disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
                [grpc]
                  address = "\(folder)/socket"
                [ttrpc]
                  address = "\(folder)/socket.ttrpc"

                """
            try Data(settings.utf8).write(to: URL(fileURLWithPath: "\(folder)/config.toml"))
            return ["containerd", "--config", "\(folder)/config.toml"]
        }
        return ContainerdEngine(socket: "\(keeper.folder)/socket")
    }
}

/// Docker's engine and a registry with TLS in a network namespace of their own: there the registry has an address that is
/// not loopback, so that the engine checks its certificate.
struct SecureDocker: Sendable {
    static let address = "192.0.2.1:5000"
    /// With the certificates of client-certificates.sh, `socket`, `data` of the registry, and `etc` for /etc/docker.
    let folder: String

    static let shared = Once<SecureDocker> {
        let binary = try Registry.berth()
        let keeper = try await Keeper.daemon("docker-tls", readyAt: "API listen on ") { folder in
            [
                "/bin/sh", "-c",
                "'\(Place.script("client-certificates.sh"))' '\(folder)' && exec unshare --mount --net /bin/sh "
                    + "'\(Place.script("docker-tls.sh"))' '\(folder)' '\(binary)' '\(Registry.password)'",
            ]
        }
        return SecureDocker(folder: keeper.folder)
    }
}
