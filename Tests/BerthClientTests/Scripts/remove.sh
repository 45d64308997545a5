#!/bin/sh
# remove.sh FOLDER: unmounts whatever clients left mounted under FOLDER, innermost first, and removes it.
folder=$1
awk -v start="$folder/" 'index($2, start) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r mount; do
    umount -l "$mount"
done
rm -rf "$folder"
