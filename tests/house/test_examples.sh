#!/bin/sh
# test_examples.sh BUILD ROOT CC: the programs in the texts and on top of cotangent.h compile without
# a warning and print what is said beside them; what else the texts quote is there.
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
build=$1 root=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# prints NAME: the program NAME.c prints NAME.txt
# shellcheck disable=SC2317 # called through holds
prints() {
    $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$root/include" -I"$work" -o "$work/$1" \
        "$work/$1.c" -L"$build" -lcotangent -lm "-Wl,-rpath,$build" &&
        "$work/$1" >"$work/out" && diff "$work/$1.txt" "$work/out"
}

# text NAME FILE: its first block of C, and the block after it, are a program and its output
text() {
    awk '/^```c$/ { on = 1; next } /^```/ && on { exit } on' "$2" >"$work/$1.c"
    awk '/^```c$/ { at = 1 } at == 3 && !/^```$/ { print } /^```$/ && at { at++ } at == 4 { exit }' \
        "$2" >"$work/$1.txt"
    holds "$2" prints "$1"
}

# block FILE N: the Nth block of C in a text
block() {
    awk -v n="$2" '/^```c$/ { on = ++at == n; next } /^```/ { on = 0 } on' "$1"
}

text readme "$root/README.md"
text own_operator "$root/docs/adding_an_op.md"
block "$root/docs/adding_an_op.md" 2 >"$work/square_sum_kernels.h"
block "$root/docs/adding_an_op.md" 3 >"$work/square_sum.c"
sed -n '/^f32 .*: PASS$/p' "$root/docs/adding_an_op.md" >"$work/square_sum.txt"
holds 'docs/adding_an_op.md: the reduction' prints square_sum

# The examples of op.h and kernels.h, run by examples.c
sed -n 's/^ \*   //p' "$root/include/cotangent/op.h" >"$work/op_examples.h"
kernels=$root/include/cotangent/kernels.h
sed -n '/softsign_kernels.h:$/,/in softsign.c:$/s/^ \*   //p' "$kernels" >"$work/softsign_kernels.h"
sed -n '/in softsign.c:$/,/Define these before/s/^ \*   //p' "$kernels" >"$work/softsign.h"
cp "$(dirname "$0")/examples.c" "$work/examples.c"
printf '%s\n' 'f64 (2,2) [[3, 8], [9, 16]]' 'f32 (3) [-0.5, 0, 0.75]' 'f64 (2) [5, 25]' \
    >"$work/examples.txt"
holds 'op.h, kernels.h: examples' prints examples

sed -n '/^ \*   #include/,/^ \*   }/s/^ \*   //p' "$root/include/cotangent.h" >"$work/header.c"
sed -n 's/^ \* prints: \(.*\]\]\)\..*/\1/p' "$root/include/cotangent.h" >"$work/header.txt"
holds 'cotangent.h' prints header
for program in readme header; do
    holds "$program: over 20 lines" [ "$(wc -l <"$work/$program.c")" -le 20 ]
done

# the row of unary.def that docs/adding_an_op.md shows; lines may be indented otherwise
row=$(sed -n '/^ *CURVE(/,/)$/p' "$root/docs/adding_an_op.md" | tr -s ' \n' ' ')
tr -s ' \n' ' ' <"$root/ops/elementwise/unary.def" >"$work/rows"
holds 'docs/adding_an_op.md: the row is another now' grep -qF "${row:-no row}" "$work/rows"
# README.md quotes docs/performance.md: the step, its time, its ratio to the limit
grep -E '^\| [0-9-]+ ' "$root/README.md" | sed 's/^| //; s/ | /|/g; s/ |$//' >"$work/figures"
holds 'README.md: its table of steps' [ "$(wc -l <"$work/figures")" -ge 3 ]
while IFS='|' read -r step time ratio; do
    holds "README.md: $step: docs/performance.md has another figure" \
        grep -qF "| $step | 1 | $time | $ratio |" "$root/docs/performance.md"
done <"$work/figures"

# the way of ct_mul, as docs/architecture.md tells it: each stop is a function of that file
grep -E '^[0-9]+\. `' "$root/docs/architecture.md" | tr -d '`,:' >"$work/way"
holds 'docs/architecture.md: the way of ct_mul has 10 stops at most' \
    [ "$(wc -l <"$work/way")" -ge 8 -a "$(wc -l <"$work/way")" -le 10 ]
while read -r _ name file _; do
    found=$(grep -cE "\b($name|${name%_mul}_##id)\(" "$root/$file")
    holds "docs/architecture.md: $name is not in $file" [ "${found:-0}" -gt 0 ]
done <"$work/way"
verdict
