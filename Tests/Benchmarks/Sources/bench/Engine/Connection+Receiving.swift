import CLinux
import COpenSSL
import Glibc

extension Connection {
    /// Bodies from this size on are thrown away inside the kernel, where nobody wants to see them.
    private static let largeBody = 32 << 10

    /// Takes what the socket holds, through `inbox`. Returns the bytes of bodies with the turn.
    func receive(_ inbox: Bytes) -> (turn: Turn, bodyBytes: Int) {
        let before = bodyReceived
        let turn = tls == nil ? receivePlain(inbox) : receiveTLS(inbox)
        return (turn, bodyReceived - before)
    }

    private var discards: Bool {
        if case .ignored = expected.body { return true }
        return false
    }

    private func receivePlain(_ inbox: Bytes) -> Turn {
        if phase == .body, discards, answer.length - bodyReceived >= Self.largeBody {
            // TCP throws away what MSG_TRUNC asks for; the buffer is not touched.
            let wanted = min(answer.length - bodyReceived, 16 << 20)
            let count = recv(socket, inbox.base, wanted, Int32(MSG_TRUNC))
            guard count > 0 else { return count < 0 && errno == EAGAIN ? .waits : .broken }
            bodyReceived += count
            return endOfBody()
        }
        let isLargeAnswer = phase == .head && discards && expected.length >= Self.largeBody
        let count = recv(socket, inbox.base, isLargeAnswer ? 1024 : inbox.capacity, 0)
        guard count > 0 else { return count < 0 && errno == EAGAIN ? .waits : .broken }
        return consume(inbox.base, count)
    }

    private func receiveTLS(_ inbox: Bytes) -> Turn {
        while true {
            let count = SSL_read(tls, inbox.base, Int32(inbox.capacity))
            guard count > 0 else {
                let reason = SSL_get_error(tls, count)
                return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? .waits : .broken
            }
            let turn = consume(inbox.base, Int(count))
            if turn != .waits { return turn }
        }
    }

    private func consume(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Turn {
        switch phase {
        case .head: return consumeHead(bytes, count)
        case .body:
            take(bytes, count)
            return endOfBody()
        case .chunks:
            let (taken, isEnd) = chunks.read(bytes, count) { take($0, $1) }
            if isEnd {
                phase = .done
                if taken < count { complain("\(count - taken) bytes behind the answer's end") }
            }
            return isEnd ? .whole : .waits
        case .done:
            complain("bytes behind the answer's end")
            return .whole
        }
    }

    private func consumeHead(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Turn {
        var (head, available) = (bytes, count)
        if partialHead.count > 0 {
            partialHead.append(bytes, count)
            (head, available) = (partialHead.base, partialHead.count)
        }
        guard let end = memmem(head, available, "\r\n\r\n", 4) else {
            if partialHead.count == 0 { partialHead.append(bytes, count) }
            return partialHead.count < 64 << 10 ? .waits : .broken
        }
        let length = UnsafeMutableRawPointer(head).distance(to: end) + 4
        guard let parsed = AnswerHead(head, length, location: &location, link: &link) else { return .broken }
        answer = parsed
        kept.count = 0
        check()
        if expected.isHead || answer.status == 204 || answer.status == 304 {
            phase = .done
            return .whole
        }
        if answer.isChunked {
            phase = .chunks
        } else {
            guard answer.length >= 0 else { return .broken }
            phase = .body
        }
        if available > length { return consume(head + length, available - length) }
        return phase == .body ? endOfBody() : .waits
    }

    private func check() {
        if answer.status != expected.status {
            complain("status \(answer.status) instead of \(expected.status)")
            // The body says why.
            expected.body = .kept
        } else if expected.length >= 0, !answer.isChunked, answer.length != expected.length {
            complain("Content-Length \(answer.length) instead of \(expected.length)")
        }
    }

    private func take(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        switch expected.body {
        case .ignored: break
        case .content(let content, let offset):
            if !content.matches(bytes, count, at: offset + bodyReceived) {
                complain("other bytes than expected near \(offset + bodyReceived)")
            }
        case .bytes(let base, let length):
            if bodyReceived + count > length || memcmp(bytes, base + bodyReceived, count) != 0 {
                complain("other bytes than expected near \(bodyReceived)")
            }
        case .kept: kept.append(bytes, count)
        }
        bodyReceived += count
    }

    private func endOfBody() -> Turn {
        if bodyReceived < answer.length { return .waits }
        if bodyReceived > answer.length { complain("bytes behind the answer's end") }
        phase = .done
        return .whole
    }
}
