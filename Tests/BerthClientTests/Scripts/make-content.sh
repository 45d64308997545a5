#!/bin/sh
# make-content.sh FOLDER: makes the file systems of which the sample images consist, once, as layers in FOLDER.
#   box           a shell and its tools (busybox), with users and groups
#   base          a root file system from Debian's packages: C library, shell, core utilities
#   python        Debian's Python on top of it
#   requirements  what `pip install` brings on top of that
# Each is a NAME.tar, NAME.tar.gz and NAME.tar.zst. Needs Debian's package mirror, PyPI
# and the Python environment that install-clients.sh makes beside FOLDER.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ -e "$folder/complete" ] && exit 0
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir box base python requirements

# fetch FOLDER PACKAGE...: downloads packages with all they depend on, as for an empty system.
: >nothing
fetch() {
    into=$work/$1
    shift
    mkdir -p "$into/partial"
    apt-get install -y -qq --download-only --no-install-recommends \
        -o Dir::State::status="$work/nothing" -o Dir::Cache::archives="$into" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@" >apt.log 2>&1
}
# layer NAME: packs the folder NAME.
layer() {
    rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale" "$1/usr/share/i18n"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1700000000 -C "$1" -cf "$1.tar" .
    gzip -1 -n -k "$1.tar"
    zstd -q -3 "$1.tar"
}

base="base-files base-passwd coreutils dash libc-bin"
# shellcheck disable=SC2086
fetch base-packages $base || { apt-get update -qq && fetch base-packages $base; } || { cat apt.log >&2; exit 1; }
# shellcheck disable=SC2086
fetch python-packages $base python3-minimal libpython3-stdlib libstdc++6 || { cat apt.log >&2; exit 1; }
for package in base-packages/*.deb; do dpkg-deb -x "$package" base; done
ln -sf dash base/bin/sh
cp base/usr/share/base-passwd/passwd.master base/etc/passwd
cp base/usr/share/base-passwd/group.master base/etc/group
for package in python-packages/*.deb; do
    [ -e "base-packages/$(basename "$package")" ] || dpkg-deb -x "$package" python
done

site=requirements/usr/lib/python3/dist-packages
mkdir -p "$site"
"$folder/../python/bin/pip" install -q --disable-pip-version-check --no-compile --target "$site" -r "$here/sample-requirements.txt"
find "$site" -depth -type d -name tests -exec rm -rf {} +

mkdir -p box/bin box/etc box/root box/tmp box/proc box/sys box/dev
cp base/etc/passwd base/etc/group box/etc/
cp /bin/busybox box/bin/busybox
for tool in $(/bin/busybox --list | grep -vx busybox); do ln -s busybox "box/bin/$tool"; done

for name in box base python requirements; do layer $name; done
mv ./*.tar ./*.tar.gz ./*.tar.zst "$folder/"
: >"$folder/complete"
