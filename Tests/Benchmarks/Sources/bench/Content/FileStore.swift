import Foundation

/// Writes a dataset as files for servers that know no API: each under the path of its URL.
struct FileStore {
    let root: String

    func write(_ dataset: Dataset) throws {
        for group in dataset.blobs {
            let folder = "\(root)/v2/\(group.repository)/blobs"
            try Files.makeFolder(folder)
            for number in group.numbers {
                let content = group.content(number)
                try Files.write(content, to: "\(folder)/\(content.digest)")
            }
        }
        for manifest in dataset.manifests + dataset.referrers {
            let folder = "\(root)/v2/\(manifest.repository)/manifests"
            try Files.makeFolder(folder)
            for name in [manifest.digest] + manifest.tags { try Files.write(manifest.bytes, to: "\(folder)/\(name)") }
        }
    }
}

/// Writes a dataset in the layout of the distribution project's registry: quicker by far than its API.
struct DistributionStore {
    let root: String

    func write(_ dataset: Dataset) throws {
        for group in dataset.blobs {
            let layers = "\(base)/repositories/\(group.repository)/_layers/sha256"
            for number in group.numbers {
                let content = group.content(number)
                let hex = String(content.digest.dropFirst(7))
                try Files.write(content, to: data(hex))
                try link(hex, "\(layers)/\(hex)")
            }
        }
        for manifest in dataset.manifests + dataset.referrers {
            let hex = String(manifest.digest.dropFirst(7))
            let manifests = "\(base)/repositories/\(manifest.repository)/_manifests"
            // The catalog walks to folders with this name.
            try Files.makeFolder("\(base)/repositories/\(manifest.repository)/_layers")
            try Files.write(manifest.bytes, to: data(hex))
            try link(hex, "\(manifests)/revisions/sha256/\(hex)")
            for tag in manifest.tags {
                try link(hex, "\(manifests)/tags/\(tag)/current")
                try link(hex, "\(manifests)/tags/\(tag)/index/sha256/\(hex)")
            }
        }
    }

    private var base: String { "\(root)/docker/registry/v2" }

    /// Where the content's bytes go; its folder is made.
    private func data(_ hex: String) throws -> String {
        let folder = "\(base)/blobs/sha256/\(hex.prefix(2))/\(hex)"
        try Files.makeFolder(folder)
        return folder + "/data"
    }

    private func link(_ hex: String, _ folder: String) throws {
        try Files.makeFolder(folder)
        try Files.write(Array("sha256:\(hex)".utf8), to: folder + "/link")
    }
}
