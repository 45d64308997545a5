import Foundation
import Glibc

/// A program that pulls from registries.
enum Client: String, CaseIterable, Sendable {
    case docker, containerd, podman, buildah, skopeo, umoci, lxc, charliecloud, oras, helm, udocker, curl, runc

    /// Programs, or files below the Python environment, that it consists of.
    private var parts: [String] {
        switch self {
        case .docker: ["dockerd", "docker", "containerd", "runc"]
        case .containerd: ["containerd", "ctr", "runc"]
        case .lxc: ["lxc-create", "lxc-execute", "skopeo", "umoci", "jq"]
        case .charliecloud: ["ch-image", "ch-run", "openssl"]
        case .oras: ["\(Place.clients)/python/bin/python"]
        case .helm: ["\(Place.clients)/python/bin/python"]
        case .udocker: ["\(Place.clients)/python/bin/udocker", "proot"]
        case .podman: ["podman", "runc"]
        case .buildah, .skopeo, .umoci, .curl, .runc: [rawValue]
        }
    }

    /// How it tells its version.
    var versionCommand: [String] {
        switch self {
        case .oras: [Place.python, "-c", "import oras; print('oras', oras.__version__)"]
        case .helm: [Place.python, "-c", "import helm_python as h; print('helm', h.helm_sdk_version())"]
        case .udocker: [Place.python, "-c", "import udocker; print('udocker', udocker.__version__)"]
        case .lxc: ["lxc-create", "--version"]
        case .charliecloud: ["ch-image", "--version"]
        default: [rawValue, "--version"]
        }
    }

    /// Those that mount or make namespaces for the whole machine.
    private var needsRoot: Bool {
        switch self {
        case .docker, .containerd, .podman, .buildah, .umoci, .lxc, .runc: true
        case .skopeo, .charliecloud, .oras, .helm, .udocker, .curl: false
        }
    }

    /// Those whose absence fails the tests where `REQUIRE_CLIENTS` is set.
    var isRequired: Bool {
        switch self {
        case .docker, .containerd, .podman, .buildah, .skopeo, .oras, .helm, .curl: true
        case .umoci, .lxc, .charliecloud, .udocker, .runc: false
        }
    }

    static let requiresClients = ProcessInfo.processInfo.environment["REQUIRE_CLIENTS"].map { $0 != "0" } ?? false

    /// Why it cannot run on this machine; nil if it can.
    var obstacle: String? {
        let missing = parts.filter { Command.find($0) == nil }
        if !missing.isEmpty { return "not installed: \(missing.joined(separator: ", "))" }
        if needsRoot && geteuid() != 0 { return "needs root" }
        return nil
    }

    /// The same, after having tried to start the daemon that the client consists of.
    func obstacleOnThisMachine() async -> String? {
        if let obstacle { return obstacle }
        do {
            switch self {
            case .docker: _ = try await DockerEngine.shared.value
            case .containerd: _ = try await ContainerdEngine.shared.value
            default: break
            }
            return nil
        } catch { return "\(error)" }
    }
}
