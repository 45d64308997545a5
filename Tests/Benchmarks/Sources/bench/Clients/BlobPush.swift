import Glibc

/// Pushes blob after blob, each new.
final class BlobPush: Client {
    /// How the bytes of a blob travel.
    enum Way: Sendable {
        /// POST, then one PUT with all of it.
        case put
        /// As Docker does: POST, one PATCH in chunks of 32 KiB, an empty PUT.
        case chunkedPatch
        /// One POST with all of it.
        case post
    }

    private enum Step { case start, bytes, close, readBack }

    private let target: UploadTarget
    private let way: Way
    private let readsBack: Bool
    private let content: () -> Content
    private var present: Content
    private var step = Step.start

    /// - Parameters:
    ///   - readsBack: whether each blob is pulled after it, and compared.
    ///   - content: the next blob.
    init(_ target: UploadTarget, _ way: Way, readsBack: Bool = false, content: @escaping () -> Content) {
        (self.target, self.way, self.readsBack, self.content) = (target, way, readsBack, content)
        present = Content(size: Content.tailBytes, series: 0, number: 0)
    }

    deinit { target.free() }

    func next(_ connection: Connection) {
        switch step {
        case .start:
            present = content()
            if way == .post, !target.isBare {
                step = .close
                connection.postWhole(target, present)
            } else if !target.isBare {
                step = .bytes
                connection.startUpload(target)
            } else {
                step = .close
                sendBytes(connection)
            }
        case .bytes:
            step = .close
            sendBytes(connection)
        case .close:
            connection.closeUpload(target, present, withBody: false)
        case .readBack:
            connection.readBack(target, present)
        }
    }

    private func sendBytes(_ connection: Connection) {
        switch way {
        case .put, .post: connection.closeUpload(target, present, withBody: true)
        case .chunkedPatch: connection.sendChunks(target, present)
        }
    }

    func answered(_ connection: Connection) -> Bool {
        // After a POST or PATCH, answered with 202, more is to come.
        if connection.answer.status == 202 { return false }
        if readsBack, step == .close {
            step = .readBack
            return false
        }
        step = .start
        return true
    }

    func restart() { step = .start }
}

/// Numbers for content that nobody has seen.
final class Fresh {
    let series: UInt64
    private var number: UInt64

    /// A series of its own for each moment, so that no run repeats another's content, and numbers of its own for each
    /// connection.
    init(_ connection: Int) {
        series = Clock.read(CLOCK_REALTIME)
        number = UInt64(connection) << 40
    }

    func content(_ size: Int) -> Content {
        number += 1
        return Content(size: size, series: series, number: number)
    }

    func next() -> UInt64 {
        number += 1
        return number
    }
}
