import Glibc

/// Pushes images of a config, layers and a manifest by tag: each blob as POST and PUT, then the manifest. To a server
/// without an API it sends a PUT for each.
final class ImagePush: Client {
    let kind: Int
    private let target: UploadTarget
    private let readsBack: Bool
    private let fresh: Fresh
    private let blobBytes: Int
    private let template: ManifestTemplate
    private var blobs: [Content]
    private var step = 0
    private var manifest: Bytes
    private var tag = Bytes(capacity: 32)

    /// - Parameters:
    ///   - layers: how many; the config is as large as one of them.
    ///   - fresh: numbers for the contents and tags.
    ///   - readsBack: whether each manifest is pulled after it, and compared.
    init(
        _ target: UploadTarget, layers: Int, blobBytes: Int, fresh: Fresh, readsBack: Bool = false, kind: Int = 0
    ) {
        (self.target, self.fresh, self.blobBytes, self.kind) = (target, fresh, blobBytes, kind)
        self.readsBack = readsBack
        template = ManifestTemplate(configBytes: blobBytes, layerBytes: Array(repeating: blobBytes, count: layers))
        blobs = []
        blobs.reserveCapacity(layers + 1)
        manifest = Bytes(capacity: template.count)
    }

    deinit {
        target.free()
        manifest.free()
        tag.free()
    }

    /// Requests before the manifest's.
    private var blobSteps: Int { target.isBare ? blobs.count : 2 * blobs.count }

    func next(_ connection: Connection) {
        if step == 0 { renew() }
        if step == blobSteps { return putManifest(connection) }
        if step > blobSteps { return connection.readBack(target, tag, manifest) }
        if target.isBare {
            connection.closeUpload(target, blobs[step], withBody: true)
        } else if step % 2 == 0 {
            connection.startUpload(target)
        } else {
            connection.closeUpload(target, blobs[step / 2], withBody: true)
        }
    }

    func answered(_ connection: Connection) -> Bool {
        step += 1
        guard step > blobSteps + (readsBack ? 1 : 0) else { return false }
        step = 0
        return true
    }

    func restart() { step = 0 }

    private func renew() {
        blobs.removeAll(keepingCapacity: true)
        for _ in 0...template.layerCount { blobs.append(fresh.content(blobBytes)) }
        manifest.count = 0
        template.write(blobs, to: manifest.grow(by: template.count))
        tag.count = 0
        tag.append("t")
        Hex.write(fresh.next(), to: tag.grow(by: 16))
    }

    private func putManifest(_ connection: Connection) {
        if target.isBare {
            connection.putBytes(manifest)
        } else {
            connection.putManifest(target, tag, bytes: manifest.count)
            connection.out.append(manifest)
        }
    }
}
