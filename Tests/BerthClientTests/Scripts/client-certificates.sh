#!/bin/sh
# client-certificates.sh FOLDER: makes an authority for clients, FOLDER/clients.crt, and certificates that it vouches for:
# FOLDER/writer.{cert,key} (uri:spiffe://clients.test/writer), FOLDER/reader.{cert,key} (dns:reader.clients.test), and
# FOLDER/stranger.{cert,key} of another authority.
set -eu
cd "$1"
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$1.key" -out "$1.crt" 2>/dev/null
}
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" \
        -out "$1.csr" 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=clientAuth\n' "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 2 -extfile "$1.ext" \
        -out "$1.cert" 2>/dev/null
}
authority clients
authority strangers
certificate writer clients URI:spiffe://clients.test/writer
certificate reader clients DNS:reader.clients.test
certificate stranger strangers URI:spiffe://clients.test/writer
