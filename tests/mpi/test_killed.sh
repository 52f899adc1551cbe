#!/bin/sh
# test_killed.sh PROGRAM MPIRUN ...: a rank that is killed ends the job within 10 seconds, and leaves
# no file that is half written.
set -u
# shellcheck source=../house/check.sh
. "$(dirname "$0")/../house/check.sh"
runs=$(realpath "$(dirname "$0")")/test_mpi.sh
program=$(realpath "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
timeout 60 "$runs" "$program" killed "$@" >log 2>&1
status=$?
took=$(($(date +%s) - $(stat -c %Y killed-at)))
holds "the job ended well: status 0" [ "$status" -ne 0 ]
holds "the job went on for $took s" [ "$took" -le 10 ]
holds 'nothing was saved' [ -s killed.safetensors ]
holds 'the file is damaged' "$runs" "$program" left "$@"
verdict
