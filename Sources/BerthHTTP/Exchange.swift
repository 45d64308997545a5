import HTTPTypes
import NIOCore

/// One request and its answer, as the connection sees it. A class, for a connection looks at it from many places, and a
/// copy of all that it holds costs more than making it. Used on the connection's event loop alone.
final class Exchange {
    /// Tells an answer that comes late, after its connection went on or broke, from the one awaited.
    let number: UInt64
    /// nil when the head could not be read.
    let head: RequestHead?
    let id: String
    let peer: Peer
    let began: NIODeadline
    let source: BodySource?
    /// The client waits for `100 Continue`, and it was not sent.
    var waitsForContinue: Bool
    var bodyEnded: Bool
    var bytesIn: Int64 = 0
    var bytesOut: Int64 = 0
    var answer: Answer?
    /// Told to the observer.
    var isRecorded = false

    struct Answer {
        let status: HTTPResponse.Status
        let labels: Response.Labels
        let keepsConnection: Bool
        let framing: ResponseHead.Framing
    }

    init(
        number: UInt64, head: RequestHead?, id: String, peer: Peer, began: NIODeadline, source: BodySource?,
        waitsForContinue: Bool, bodyEnded: Bool
    ) {
        self.number = number
        self.head = head
        self.id = id
        self.peer = peer
        self.began = began
        self.source = source
        self.waitsForContinue = waitsForContinue
        self.bodyEnded = bodyEnded
    }

    var version: HTTPVersion { head?.version ?? .http11 }
    var isHead: Bool { head?.method == .head }

    /// Bytes of the body that were announced and have not arrived; nil if unknown.
    var missingBytes: Int64? {
        switch head?.framing {
        case .length(let length): length - bytesIn
        case .none?, nil: 0
        case .chunked: bodyEnded ? 0 : nil
        }
    }

    /// Whether the connection can go on after an answer given now.
    func canPersist(
        _ response: Response, _ responseHead: ResponseHead, drainBytes: Int, isLeaving: Bool
    ) -> Bool {
        guard head?.keepsAlive == true, !response.closesConnection, !isLeaving, responseHead.isDelimited
        else {
            return false
        }
        if bodyEnded { return true }
        // Whether the client will send its body after this answer can't be known.
        if waitsForContinue { return false }
        return (missingBytes ?? 0) <= Int64(drainBytes)
    }

    func record(_ now: NIODeadline, isComplete: Bool) -> RequestRecord {
        RequestRecord(
            method: head?.method,
            target: head?.target ?? "",
            labels: answer?.labels ?? Response.Labels(),
            status: answer?.status ?? RequestRecord.clientLeft,
            bytesIn: bytesIn,
            bytesOut: bytesOut,
            duration: .nanoseconds((now - began).nanoseconds),
            id: id,
            client: peer.address,
            userAgent: head?.headers[.userAgent],
            isComplete: isComplete
        )
    }
}
