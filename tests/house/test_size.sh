#!/bin/sh
# test_size.sh LIBRARY BYTES: the shared library, stripped, is no larger than that.
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
holds 'strip' strip -o "$stripped" "$1"
size=$(wc -c <"$stripped")
holds "the library has $size bytes, of $2 at most" [ "$size" -gt 100000 -a "$size" -le "$2" ]
verdict
