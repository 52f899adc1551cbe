#!/bin/sh
# test_programs.sh DIGITS OTHERS MPIRUN ...: two processes learn together, and one of them speaks;
# digits learns the same each time. OTHERS are paths with spaces between.
set -u
# shellcheck source=../house/check.sh
. "$(dirname "$0")/../house/check.sh"
runs=$(realpath "$(dirname "$0")")/test_mpi.sh
digits=$(realpath "$1") others=$2
shift 2
unset COTANGENT_DATA
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# learns PROGRAM OUT MPIRUN ...
learns() {
    program=$1 out=$2
    shift 2
    "$runs" "$program" "--tiny --ranks 2 --out page" "$@" -n 2 >"$out" 2>err ||
        { bad "$program --ranks 2: status $?"; cat err; }
    holds "$program: no report" [ "$(tail -n 1 page/report.html)" = '</html>' ]
    holds "$program: the report does not say how many" grep -q -- '--ranks 2' page/report.html
    rm -r page
}

for program in $others; do
    learns "$program" out "$@"
    holds "$program: not one line of result" [ "$(grep -c '^report: ' out)" -eq 1 ]
done
learns "$digits" out1 "$@"
learns "$digits" out2 "$@"
sed -i 's/  *[0-9.]* s$//' out1 out2
holds 'two runs print different things' cmp out1 out2
holds 'not one line of result' [ "$(grep -c '^test error: [0-9.]* %' out1)" -eq 1 ]
"$runs" "$digits" "--tiny --ranks 3" "$@" -n 2 >out 2>err && bad '3 ranks on 2 processes'
holds 'it does not say what is wrong' grep -q 'needs N processes' err
verdict
