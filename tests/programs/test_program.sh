#!/bin/sh
# test_program.sh PROGRAM EXPECTED: a tiny run of a program of docs/programs succeeds and prints the
# same text, and its report is whole and needs no other file. Whole numbers must be the same; others
# may differ by 5 % and by 2 in the last digit, as rounding differs from processor to processor.
set -u
# shellcheck source=../house/check.sh
. "$(dirname "$0")/../house/check.sh"
unset COTANGENT_DATA
program=$(realpath "$1") expected=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

"$program" --tiny --out page >out 2>err
status=$?
[ "$status" -eq 0 ] || cat err
holds "$1 --tiny: exit status $status" [ "$status" -eq 0 ]
# shellcheck disable=SC2016 # awk's
holds "$1 --tiny: prints something else: a line of $(basename "$2"), and what it is now" \
    awk '
    function number(s) { return s ~ /^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$/ }
    function digit(s) { sub(/^[^.]*\.?/, "", s); sub(/e.*/, "", s); return 10 ^ -length(s) }
    function near(a, b) {
        if (a == b)
            return 1
        if (!number(a) || !number(b) || (digit(a) == 1 && digit(b) == 1))
            return 0
        d = a - b; m = a < 0 ? -a : a
        return (d < 0 ? -d : d) <= 0.05 * m + 2 * digit(a)
    }
    { gsub(/[,;:()%]/, " & ") }
    NR == FNR { wanted[FNR] = $0; lines = FNR; next }
    {
        same = split(wanted[FNR], w) == NF
        for (i = 1; i <= NF; i++)
            same = same && near(w[i], $i)
        if (!same) {
            printf "< %s\n> %s\n", wanted[FNR], $0
            failed = 1
        }
    }
    END { exit failed || FNR != lines }' "$expected" out
"$program" --tiny --replay --out page >replayed 2>err || cat err
holds "$1 --tiny --replay: prints something else" diff out replayed
holds "$1: its report is not whole" [ "$(tail -n 1 page/report.html)" = '</html>' ]
none "$1: its report needs other files" "$(grep -nE '<script|<link|url\(|(src|href)="[^d"]' \
    page/report.html | cut -c 1-200)"
none "$1: its report has numbers that are none" \
    "$(sed 's/base64,[^"]*//g' page/report.html | grep -nE '"-?(nan|inf)|>-?(nan|inf)<' |
        cut -c 1-200)"
verdict
