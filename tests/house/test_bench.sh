#!/bin/sh
# test_bench.sh SOFTMAX AUTODIFF PYTHON: two benchmarks, one round of each, write rows that hold what
# they should. (How long anything takes is nobody's business here.)
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
program=$(realpath "$1") autodiff=$(realpath "$2") python=$3
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

# a peer that computes the value of rosenbrock right, and its gradient wrong
mkdir -p benchmarks/peers
cat >benchmarks/peers/start <<'SHELL'
[ "$1" = adolc ] || exit 1
echo a peer
while read -r _ request; do
    case $request in
    check\ value*) echo 3257.68944189 ;;
    check\ gradient*) echo 5177.41 ;;
    *) echo 1000000 ;;
    esac
done
SHELL
holds 'autodiff fails' "$autodiff" --rounds=1 --case=rosenbrock >table 2>errors
holds 'a wrong gradient is compared' grep -q '^adolc, rosenbrock, gradient: left out: ' errors
holds 'a right value is left out' [ "$(grep -c 'left out' errors)" -eq 1 ]
holds 'no multiple of the value' grep -Eq '^multiple of .*: rosenbrock, gradient +ours [0-9.]+$' table
verdict
