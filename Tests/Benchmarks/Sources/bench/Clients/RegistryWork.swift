import Glibc

/// Pushes an image that is there already: a HEAD for each blob, then the same manifest by the same tag.
final class Repush: Client {
    private let heads: RequestTable
    private let manifests: [Dataset.Manifest]
    private let target: UploadTarget
    private let blobs: Int
    private var image: Int
    private var step = 0
    private var tag = Bytes(capacity: 64)

    /// - Parameters:
    ///   - heads: the HEADs of all images, `blobs` for each, in the order of the manifests.
    ///   - target: the repository of all of them.
    init(heads: RequestTable, blobs: Int, manifests: [Dataset.Manifest], _ target: UploadTarget, beginningAt: Int) {
        (self.heads, self.blobs, self.manifests, self.target) = (heads, blobs, manifests, target)
        image = beginningAt % manifests.count
    }

    deinit {
        target.free()
        tag.free()
    }

    func next(_ connection: Connection) {
        if step < blobs { return heads.write(image * blobs + step, to: connection) }
        let manifest = manifests[image]
        tag.count = 0
        tag.append(Array(manifest.tags[0].utf8))
        connection.putManifest(target, tag, bytes: manifest.bytes.count)
        connection.out.append(manifest.bytes)
    }

    func answered(_ connection: Connection) -> Bool {
        step += 1
        guard step > blobs else { return false }
        step = 0
        image = (image + 1) % manifests.count
        return true
    }

    func restart() { step = 0 }
}

/// Mounts blobs of one repository into others that do not have them: all into one, then all into the next.
final class Mounting: Client {
    private let source: UploadTarget
    private let contents: [Content]
    private let name: String
    private var target: UploadTarget
    private var repository = 0
    private var index = 0

    /// - Parameter name: begins the names of the repositories, which no run had before.
    init(_ contents: [Content], from source: String, into name: String) {
        self.source = UploadTarget(repository: source, isBare: false)
        (self.contents, self.name) = (contents, name)
        target = UploadTarget(repository: "\(name)-0", isBare: false)
    }

    deinit {
        source.free()
        target.free()
    }

    func next(_ connection: Connection) {
        if index == contents.count {
            index = 0
            repository += 1
            target.free()
            target = UploadTarget(repository: "\(name)-\(repository)", isBare: false)
        }
        connection.mount(target, contents[index], from: source.repository)
        index += 1
    }

    func answered(_ connection: Connection) -> Bool { true }
}

/// Sends the requests of a table, some together as one operation, and looks at the names in the answers' JSON.
final class ListReader: Client {
    private let table: RequestTable
    private let requests: Int
    private let isRight: (Int, [UInt8]) -> Bool
    private let checksEvery: Int
    private var untilCheck: Int
    private var step = 0

    /// - Parameters:
    ///   - requests: how many make an operation; they are sent in the table's order.
    ///   - isRight: whether a body is the answer to the request of this number.
    init(_ table: RequestTable, requests: Int, checksEvery: Int, isRight: @escaping (Int, [UInt8]) -> Bool) {
        (self.table, self.requests, self.checksEvery, self.isRight) = (table, requests, checksEvery, isRight)
        untilCheck = checksEvery
    }

    func next(_ connection: Connection) {
        table.write(step, to: connection)
        untilCheck -= 1
        connection.expected.body = untilCheck == 0 ? .kept : .ignored
    }

    func answered(_ connection: Connection) -> Bool {
        if untilCheck == 0 {
            untilCheck = checksEvery
            let body = Array(UnsafeBufferPointer(start: connection.kept.base, count: connection.kept.count))
            if !isRight(step, body) { connection.complain("wrong list: \(connection.kept.text.prefix(300))") }
        }
        step = (step + 1) % table.count
        return step % requests == 0
    }

    func restart() { step = 0 }
}
