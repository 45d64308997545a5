import BerthHTTP
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// Certificates are read again when their files change and on SIGHUP, without a connection being dropped; one that is made
/// here is renewed in time.
struct CertificateService: Service {
    let http: HTTPServer
    let certificates: Certificates?
    let local: LocalCertificate?
    let hangups: UnixSignalsSequence
    let log: Logger

    /// Between two looks at the files: a few calls of stat(2), which sees what a watch on one folder would not, as links
    /// that lead elsewhere.
    private static let pause = Duration.seconds(2)
    private static let renewalPause = Duration.seconds(3600)

    /// What is left of a certificate's time when that is worth a line an hour.
    private static let warning: Int64 = 14 * 24 * 3600

    private enum Wake { case asked, look, renew }

    func run() async throws {
        let (wakes, wake) = AsyncStream.makeStream(of: Wake.self, bufferingPolicy: .bufferingNewest(16))
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { for await _ in hangups { wake.yield(.asked) } }
                group.addTask { await Self.repeating(Self.pause) { wake.yield(.look) } }
                group.addTask {
                    // The first time when the server listens, and has read its certificates.
                    guard (try? await Task.sleep(for: Self.pause)) != nil else { return }
                    wake.yield(.renew)
                    await Self.repeating(Self.renewalPause) { wake.yield(.renew) }
                }
                // One after the other, so that what was read last stays.
                for await reason in wakes { await answer(reason) }
            }
        }
    }

    private static func repeating(_ pause: Duration, _ body: () -> Void) async {
        while (try? await Task.sleep(for: pause)) != nil { body() }
    }

    /// A certificate that ends unnoticed ends the registry.
    private func warn() {
        guard let end = certificates?.firstEnd else { return }
        let left = end.seconds - Int64(time(nil))
        guard left < Self.warning else { return }
        log.warning(
            left > 0 ? "a certificate ends soon" : "a certificate has ended",
            metadata: ["file": "\(end.file)", "hours": "\(left / 3600)"])
    }

    private func answer(_ reason: Wake) async {
        do {
            switch reason {
            case .asked: try http.reloadCertificates()
            case .look: guard try http.reloadChangedCertificates() else { return }
            case .renew:
                defer { warn() }
                guard let local, try local.prepare(log) else { return }
                try http.reloadCertificates()
            }
            log.notice("certificates read again")
            warn()
        } catch {
            log.error("certificates not read, the old ones stay", metadata: ["cause": "\(error)"])
        }
    }
}
