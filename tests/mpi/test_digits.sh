#!/bin/sh
# test_digits.sh DIGITS MPIRUN ...: two processes learn what one does, but for rounding in sums, and
# one of them speaks.
set -u
# shellcheck source=../house/check.sh
. "$(dirname "$0")/../house/check.sh"
runs=$(realpath "$(dirname "$0")")/test_mpi.sh
program=$(realpath "$1")
shift
unset COTANGENT_DATA
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
for n in 1 2; do
    "$runs" "$program" "--tiny --ranks 2 --out page" "$@" -n 2 >"out$n" 2>err ||
        { bad "digits --ranks 2: status $?"; cat err; }
done
sed -i 's/  *[0-9.]* s$//' out1 out2
holds 'two runs print different things' cmp out1 out2
holds 'not one line of result' [ "$(grep -c '^test error: [0-9.]* %' out1)" -eq 1 ]
holds 'no report' [ "$(tail -n 1 page/report.html)" = '</html>' ]
"$runs" "$program" "--tiny --ranks 3" "$@" -n 2 >out 2>err && bad '3 ranks on 2 processes'
holds 'it does not say what is wrong' grep -q 'needs N processes' err
verdict
