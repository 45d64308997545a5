#!/bin/sh
# install-clients.sh [FOLDER]: installs the clients that these tests drive, where missing: Debian packages through apt (as root)
# and a Python environment in FOLDER/python; makes the sample content in FOLDER/content. FOLDER is .build/clients by default.
# Nothing is done when all is there. No service is started, and none stays enabled.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(dirname "$(dirname "$here")")/.build/clients}
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

packages="docker.io containerd runc crun podman buildah skopeo umoci lxc charliecloud curl jq openssl zstd proot
    busybox-static iproute2 python3 python3-venv ca-certificates"
missing=
for package in $packages; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done

if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || { echo "install-clients.sh: run me as root, to install:$missing" >&2; exit 1; }
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then # packages shall not start their daemons
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        trap 'rm -f $policy' EXIT
    fi
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing
    if [ -d /run/systemd/system ]; then # a machine run by systemd: not at its next start either
        for unit in docker.socket docker.service containerd.service lxc.service lxc-net.service podman.socket; do
            case " $missing " in *" ${unit%%[.-]*}"*) systemctl disable --quiet "$unit" 2>/dev/null || true ;; esac
        done
    fi
fi

if ! cmp -s "$here/client-requirements.txt" "$folder/python/requirements.txt"; then
    rm -rf "$folder/python"
    mkdir -p "$folder"
    /usr/bin/python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install -q --disable-pip-version-check -r "$here/client-requirements.txt"
    cp "$here/client-requirements.txt" "$folder/python/requirements.txt"
fi

"$here/Scripts/make-content.sh" "$folder/content"
