import Foundation

/// A layer's files on disk.
struct SampleLayer: Sendable {
    /// The layer as it is pushed.
    let file: String
    let mediaType: String
    /// The same, unpacked: its digest goes into the image's configuration.
    let tar: String

    enum Compression: String {
        case gzip = ".gz"
        case zstd = ".zst"
        case none = ""
    }

    init(file: String, tar: String, _ compression: Compression) {
        self.file = file
        self.tar = tar
        let ending =
            switch compression {
            case .gzip: "+gzip"
            case .zstd: "+zstd"
            case .none: ""
            }
        mediaType = "application/vnd.oci.image.layer.v1.tar" + ending
    }

    /// One of the layers that `make-content.sh` makes.
    static func content(_ name: String, _ compression: Compression = .gzip) -> SampleLayer {
        let tar = Place.content("\(name).tar")
        return SampleLayer(file: tar + compression.rawValue, tar: tar, compression)
    }
}

/// The images that tests push. Each call makes content that no other test has, so that every push sends something.
extension Scratch {
    /// A shell with its tools, and `/marker` with `text` in it. Its command prints that file.
    @discardableResult
    func box(
        _ layout: Layout, tag: String?, text: String = "ahoy", architecture: String = "amd64",
        _ compression: SampleLayer.Compression = .gzip
    ) async throws -> ContentDescriptor {
        try await makeContent()
        return try await layout.image(
            [.content("box", compression), layer(["marker": text], compression)],
            tag: tag, architecture: architecture, command: ["cat", "/marker"])
    }

    /// What a team that trains models ships: Debian, Python, and installed requirements. Its command prints `Sample.sum`.
    @discardableResult
    func python(
        _ layout: Layout, tag: String, _ compression: SampleLayer.Compression = .gzip
    ) async throws -> ContentDescriptor {
        try await makeContent()
        let layers = ["base", "python", "requirements"].map { SampleLayer.content($0, compression) }
        return try await layout.image(
            try await layers + [layer(["srv/model.py": Sample.program, "srv/weights": random(200_000)], compression)],
            tag: tag, command: ["/usr/bin/python3", "/srv/model.py"])
    }

    /// A layer of some small files.
    func layer(_ files: [String: String], _ compression: SampleLayer.Compression = .gzip) async throws -> SampleLayer {
        let name = "layer-\(UInt32.random(in: .min ... .max))"
        for (file, text) in files.merging(["etc/\(name)": random(2000)], uniquingKeysWith: { $1 }) {
            try makeFolder(([name] + file.split(separator: "/").dropLast().map(String.init)).joined(separator: "/"))
            try write(text, to: "\(name)/\(file)")
        }
        let tar = "\(folder)/\(name).tar"
        try await run("tar", "--owner=0", "--group=0", "-C", "\(folder)/\(name)", "-cf", tar, ".")
        switch compression {
        case .gzip: try await run("gzip", "-k", tar)
        case .zstd: try await run("zstd", "-q", tar)
        case .none: break
        }
        return SampleLayer(file: tar + compression.rawValue, tar: tar, compression)
    }

    /// Text that nothing compresses much and no other test has.
    func random(_ count: Int) -> String {
        String(decoding: (0..<count).map { _ in UInt8.random(in: 0x21...0x7e) }, as: UTF8.self)
    }

    func sha256(_ file: String) async throws -> String {
        "sha256:" + (try await run("sha256sum", file)).output.prefix(64)
    }

    private func makeContent() async throws { try await content.value }
}

enum Sample {
    static let program = "import numpy\nprint(int(numpy.arange(1000).sum()))\n"
    static let sum = "499500"
}

/// `install-clients.sh` makes the content; where that has not run, the first test that needs it does.
private let content = Once<Void> {
    let command = Command(
        program: "/bin/sh", arguments: [Place.script("make-content.sh"), Place.content("")],
        environment: Scratch.baseEnvironment, directory: "/")
    let finished = try await command.run()
    guard finished.status == 0 else { throw CommandFailure(finished: finished) }
}
