import NIOCore
import NIOSSL

/// Whether a certificate is for a host's name. RFC 6125, section 6.4.
///
/// NIOSSL alone also takes a certificate for the address that it is connected to: whoever gets one for an address of his
/// own, and bends a name to it, would be that name.
enum HostNames {
    /// Fails where the channel's peer has not shown a certificate for `host`.
    static func check(_ channel: any Channel, _ host: String) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let tls = try channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
            guard let certificate = tls.peerCertificate else { throw FetchError.failed("there is no certificate") }
            // An address in numbers is NIOSSL's to check.
            guard NetworkAddress(host) == nil else { return }
            let names = certificate._subjectAlternativeNames().filter { $0.nameType == .dnsName }
                .map { String(decoding: $0.contents, as: UTF8.self) }
            guard names.contains(where: { matches($0, host) }) else {
                throw FetchError.failed("the certificate is not for \(host)")
            }
        }
    }

    /// `*` stands for one whole first label.
    static func matches(_ name: String, _ host: String) -> Bool {
        let (name, host) = (name.lowercased().utf8, host.utf8)
        let dot = UInt8(ascii: ".")
        let trimmed = host.last == dot ? host.dropLast() : host[...]
        if name.elementsEqual(trimmed) { return true }
        guard name.starts(with: "*.".utf8), let first = trimmed.firstIndex(of: dot), first > trimmed.startIndex else {
            return false
        }
        let rest = name.dropFirst()
        return rest.dropFirst().contains(dot) && rest.elementsEqual(trimmed[first...])
    }
}
