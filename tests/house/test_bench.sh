#!/bin/sh
# test_bench.sh PROGRAM PYTHON: a benchmark, one round of it, writes rows that hold what they should.
# (How long anything takes is nobody's business here.)
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
program=$(realpath "$1") python=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

holds 'the benchmark fails' "$program" --alone --rounds=1 --case=log_softmax >table
holds 'the table has no line for each case' [ "$(grep -c '^log_softmax' table)" -eq 2 ]
cat >check.py <<'PYTHON'
import json
import sys

rows = json.load(open("build/bench/softmax.json"))
types = {"name": str, "threads": int, "unit": str, "ours": float, "limit": float, "peers": dict,
         "rounds": int, "min": float, "max": float, "machine": str, "compiler": str, "commit": str}
for row in rows:
    for key, kind in types.items():
        value = row[key]
        if not isinstance(value, (int, float) if kind is float else kind):
            sys.exit(f"{key}: {value}")
    if not 0 < row["min"] <= row["ours"] <= row["max"]:
        sys.exit(f"{row}")
sys.exit([row["threads"] for row in rows] != [1, 2])
PYTHON
holds 'build/bench/softmax.json' "$python" check.py
verdict
