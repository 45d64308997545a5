"""issuer.py FOLDER: an issuer of identity tokens for tests, as CI systems have one: HTTPS on a free port of 127.0.0.1.

Makes an authority (FOLDER/ca.pem), a certificate and two RSA keys with the openssl command, and prints
`issuer listening on https://127.0.0.1:PORT`. `/mint?life=SECONDS&CLAIM=VALUE…` gives a token; the keys sign in turn.
"""

import base64
import http.server
import itertools
import json
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

folder = sys.argv[1]


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_certificates():
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-x509"]
    openssl("req", *key, "-subj", "/CN=authority of a test", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem")
    openssl(
        "req", *key, "-subj", "/CN=issuer", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
        "basicConstraints=critical,CA:FALSE", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
        "-keyout", f"{folder}/issuer.key", "-out", f"{folder}/issuer.pem")


def make_key(name):
    file = f"{folder}/{name}.key"
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", file)
    modulus = openssl("rsa", "-in", file, "-noout", "-modulus").decode().strip().removeprefix("Modulus=")
    public = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": encoded(bytes.fromhex(modulus)), "e": "AQAB"}
    return file, public


class Issuer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/.well-known/openid-configuration":
            self.answer(json.dumps({"issuer": name, "jwks_uri": f"{name}/keys"}))
        elif url.path == "/keys":
            self.answer(json.dumps({"keys": [public for _, public in keys]}))
        elif url.path == "/mint":
            self.answer(mint(dict(urllib.parse.parse_qsl(url.query))))
        else:
            self.send_error(404)

    def answer(self, text):
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def mint(query):
    with turn:
        file, public = next(signers)
    now = int(time.time())
    claims = {"iss": name, "iat": now, "nbf": now - 60, "exp": now + int(query.pop("life")), "jti": str(uuid.uuid4())}
    claims.update(query)
    header = {"alg": "RS256", "kid": public["kid"], "typ": "JWT"}
    content = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{content}.{encoded(openssl('dgst', '-sha256', '-sign', file, data=content.encode()))}"


make_certificates()
keys = [make_key("first"), make_key("second")]
signers = itertools.cycle(keys)
turn = threading.Lock()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{folder}/issuer.pem", f"{folder}/issuer.key")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
server.socket = context.wrap_socket(server.socket, server_side=True)
name = "https://127.0.0.1:%d" % server.server_address[1]
print("issuer listening on " + name, flush=True)
server.serve_forever()
