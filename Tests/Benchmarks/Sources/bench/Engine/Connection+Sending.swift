import COpenSSL
import Glibc

/// What a turn at a socket led to.
enum Turn { case whole, waits, broken }

extension Connection {
    var isSent: Bool { outSent == out.count && repeatedLeft == 0 && tailSent == tail.count }

    /// Sends as much of the request as the socket takes.
    func send() -> Turn {
        while !isSent {
            let sent = tls == nil ? sendPlain() : sendTLS()
            if sent > 0 {
                advance(sent)
            } else {
                return sent == 0 ? .waits : .broken
            }
        }
        return .whole
    }

    /// Bytes sent; 0 if the socket is full, -1 if it is broken.
    private func sendPlain() -> Int {
        if repeatedLeft == 0, tailSent == tail.count {
            return result(Glibc.send(socket, out.base + outSent, out.count - outSent, Int32(MSG_NOSIGNAL)))
        }
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: 6) { parts in
            var count = 0
            func add(_ base: UnsafePointer<UInt8>, _ length: Int) {
                guard length > 0 else { return }
                parts[count] = iovec(iov_base: UnsafeMutableRawPointer(mutating: base), iov_len: length)
                count += 1
            }
            add(out.base + outSent, out.count - outSent)
            var (at, left) = (repeatedAt, repeatedLeft)
            while left > 0, count < 5 {
                let length = min(repeatedCount - at, left)
                add(repeated + at, length)
                (at, left) = (0, left - length)
            }
            if left == 0 { add(tail.base + tailSent, tail.count - tailSent) }
            var message = msghdr()
            message.msg_iov = parts.baseAddress
            message.msg_iovlen = count
            return result(sendmsg(socket, &message, Int32(MSG_NOSIGNAL)))
        }
    }

    private func result(_ sent: Int) -> Int {
        if sent >= 0 { return sent }
        return errno == EAGAIN ? 0 : -1
    }

    private func sendTLS() -> Int {
        let sent: Int32
        if outSent < out.count {
            sent = SSL_write(tls, out.base + outSent, Int32(out.count - outSent))
        } else if repeatedLeft > 0 {
            sent = SSL_write(tls, repeated + repeatedAt, Int32(min(repeatedCount - repeatedAt, repeatedLeft)))
        } else {
            sent = SSL_write(tls, tail.base + tailSent, Int32(tail.count - tailSent))
        }
        if sent > 0 { return Int(sent) }
        let reason = SSL_get_error(tls, sent)
        return reason == SSL_ERROR_WANT_WRITE || reason == SSL_ERROR_WANT_READ ? 0 : -1
    }

    private func advance(_ sent: Int) {
        var left = sent
        let ofOut = min(left, out.count - outSent)
        outSent += ofOut
        left -= ofOut
        let ofRepeated = min(left, repeatedLeft)
        repeatedLeft -= ofRepeated
        repeatedAt = (repeatedAt + ofRepeated) % repeatedCount
        tailSent += left - ofRepeated
    }
}
