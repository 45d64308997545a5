import Glibc

/// nginx with the same bytes as static files.
struct Nginx: Server {
    var name: String { "nginx" }
    var isRegistry: Bool { false }
    var takesPushes: Bool { false }
    var hasTLS: Bool { true }
    var storeKind: StoreKind { .files }
    var settings: String { "a worker a core, sendfile on, tcp_nopush off, access_log off, connections kept for ever" }

    private static let binary = access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx"

    func version() -> String? {
        Shell.output([Self.binary, "-v"])?.split(separator: "/").last.map { String($0.filter { $0 != "\n" }) }
    }

    func command(root: String, scratch: String, port: Int, tls: TLSFiles?) throws -> [String] {
        let folder = "\(scratch)/nginx-\(port)"
        try Files.makeFolder(folder)
        let certificate = tls.map { "ssl_certificate \($0.certificate); ssl_certificate_key \($0.key);" } ?? ""
        let user = geteuid() == 0 ? "user root;" : ""
        try Files.write(
            """
            \(user)
            daemon off;
            worker_processes auto;
            worker_rlimit_nofile 20000;
            pid \(folder)/nginx.pid;
            error_log stderr crit;
            events { worker_connections 16384; }
            http {
                access_log off;
                server_tokens off;
                sendfile on;
                tcp_nopush off;
                keepalive_requests 1000000000;
                keepalive_timeout 1h;
                client_body_temp_path \(folder)/body;
                proxy_temp_path \(folder)/proxy;
                fastcgi_temp_path \(folder)/fastcgi;
                uwsgi_temp_path \(folder)/uwsgi;
                scgi_temp_path \(folder)/scgi;
                ssl_protocols TLSv1.3;
                server {
                    listen 127.0.0.1:\(port)\(tls == nil ? "" : " ssl") backlog=4096;
                    root \(root);
                    \(certificate)
                }
            }

            """, to: "\(folder)/nginx.conf")
        return [Self.binary, "-e", "stderr", "-p", folder, "-c", "\(folder)/nginx.conf"]
    }
}
