#!/bin/sh
# docker-tls.sh FOLDER BERTH: in a network and mount namespace of its own (unshare --net --mount), a registry with TLS on
# 192.0.2.1:5000 and a Docker engine on FOLDER/socket that reads its certificates from FOLDER/certs. Docker would ask no
# registry on a loopback address for a good certificate.
set -eu
folder=$1
berth=$2
ip link set lo up
ip address add 192.0.2.1/32 dev lo
mkdir -p "$folder/etc/certs.d" /etc/docker
mount --bind "$folder/etc" /etc/docker
BERTH_METRICS_LISTEN=off
export BERTH_METRICS_LISTEN
for name in writer reader; do
    printf %s "$3" | "$berth" user add "$name" --password-stdin --root "$folder/data"
done
"$berth" grant add user:writer maintainer 'clients/**' --root "$folder/data"
"$berth" grant add user:reader reader 'clients/**' --root "$folder/data"
"$berth" certificate add uri:spiffe://clients.test/writer writer --root "$folder/data"
"$berth" certificate add dns:reader.clients.test reader --root "$folder/data"
"$berth" serve --tls-self-signed --listen 192.0.2.1:5000 --root "$folder/data" \
    --set "http.tls.client_ca=$folder/clients.crt" --set http.tls.client_auth=optional >"$folder/registry.log" 2>&1 &
registry=$!
echo '{}' >"$folder/daemon.json"
dockerd --config-file "$folder/daemon.json" --bridge=none --iptables=false --ip6tables=false \
    --data-root "$folder/docker" --exec-root "$folder/exec" --pidfile "$folder/pid" --host "unix://$folder/socket" &
engine=$!
trap 'kill $registry $engine; wait' TERM
wait $engine
kill $registry
