import BerthTestSupport
import Foundation
import Glibc
import Testing

/// A server is not root where it is run as it should be: what only root may do must not be needed.
@Suite("Serving without privileges")
struct UserTests {
    @Test("a user like any other serves, plain and with TLS", arguments: [false, true])
    func unprivileged(isSecure: Bool) async throws {
        try await withTemporaryFolder { folder in
            let settings = isSecure ? ["http.tls.self_signed=true"] : []
            // The user may not reach the folder that this was built in.
            let copy = folder + "/berth"
            let built = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "berth")
                .path
            // Not by this process: a program that another test starts meanwhile would hold the file open for writing, and
            // what is open for writing cannot be run (execve(2), ETXTBSY).
            #expect(try await runToEnd(["/bin/cp", built, copy]).status == 0)
            let drop =
                "shift; exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all \(copy) \"$@\""
            let wrapper = geteuid() == 0 ? ["/bin/sh", "-c", drop, "sh"] : []
            #expect(geteuid() != 0 || chown(folder, 65_534, 65_534) == 0)
            let server = try await BerthProcess.start(root: folder + "/data", settings: settings, wrapper: wrapper)
            let status =
                isSecure
                ? try await TLSConnection(port: server.port).send("GET", "/v2/").status
                : try await server.connect().send("GET", "/v2/").status
            #expect(status == 200)
            try await server.stop()
        }
    }
}
