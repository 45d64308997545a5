import COpenSSL
import Glibc

/// TLS 1.3 with one cipher, so that every server encrypts alike. The certificate is not looked at.
final class TLSContext {
    private let context: OpaquePointer

    init() throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw BenchError("OpenSSL gives no context") }
        self.context = context
        bench_ssl_read_ahead(context, 128 << 10)
        guard bench_ssl_require_tls13(context) == 1,
            SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1
        else { throw BenchError("OpenSSL has no TLS 1.3 with AES-128-GCM") }
    }

    deinit { SSL_CTX_free(context) }

    /// A session on a connected, blocking socket. The caller frees it.
    func handshake(_ socket: Int32) throws -> OpaquePointer {
        guard let session = SSL_new(context) else { throw BenchError("OpenSSL gives no session") }
        bench_ssl_take_moving_buffers(session)
        guard SSL_set_fd(session, socket) == 1, SSL_connect(session) == 1 else {
            SSL_free(session)
            throw BenchError("TLS handshake failed")
        }
        return session
    }
}
