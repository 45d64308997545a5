#!/bin/sh
# keep.sh FOLDER [PATTERN COMMAND...]
# Runs COMMAND with its output in FOLDER/log and prints the first line of it that matches PATTERN (nothing, if it ends before).
# Lives as long as somebody holds the other end of its standard input: then, however the tests ended, it ends COMMAND by its
# own process id, unmounts what is mounted under FOLDER and removes FOLDER. KEEP_FOLDERS=1 leaves the folder.
set -u
folder=$1

if [ $# -gt 2 ]; then
    pattern=$2
    shift 2
    : >"$folder/log"
    "$@" >"$folder/log" 2>&1 </dev/null &
    pid=$!
    tail -n +1 -s 0.1 -f --pid=$pid "$folder/log" | grep -m 1 -E -e "$pattern" &
    exec >/dev/null
    cat >/dev/null
    kill -TERM $pid 2>/dev/null
    (
        sleep 30
        kill -KILL $pid
    ) 2>/dev/null &
    killer=$!
    wait $pid
    kill $killer 2>/dev/null
else
    exec >/dev/null
    cat >/dev/null
fi

[ "${KEEP_FOLDERS:-0}" = 1 ] || exec "$(dirname "$0")/remove.sh" "$folder"
