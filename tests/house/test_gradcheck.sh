#!/bin/sh
# test_gradcheck.sh PROGRAM PYTHON: the table and the JSON of ./run gradcheck, and what it refuses.
# (All operators are checked in the suite `operators`.)
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
program=$(realpath "$1") python=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

holds 'the check of tanh fails' "$program" --op tanh --json rows.json >table
for row in 'f64 *1 *reverse' 'f64 *2 *reverse' 'f64 *1 *forward' 'f64 *2 *forward' 'f32 *1 *reverse' \
    'f32 *1 *forward'; do
    holds "the row $row is missing" grep -q "^tanh *$row .* PASS$" table
done
holds 'the last line' grep -q 'checks, 0 of them did not pass' table
cat >check.py <<'PYTHON'
import json
import sys

rows = json.load(open("rows.json"))
keys = {"operator", "dtype", "order", "direction", "entries", "error", "bar", "verdict",
        "diagnosis"}
for row in rows:
    if set(row) != keys or row["operator"] != "tanh" or not row["entries"] > 0:
        sys.exit(f"{row}")
sys.exit(len(rows) < 2)
PYTHON
holds 'rows.json' "$python" check.py

# refuses STATUS OPTION ...: the program ends with that status
refuses() {
    want=$1
    shift
    "$program" "$@" >out 2>&1
    holds "$* is not refused" [ $? -eq "$want" ]
}
refuses 2 --op nosuch
refuses 2 --op
refuses 2 --nosuch value
refuses 2 --op tanh --json "$work/no/such/folder"
verdict
