#!/bin/sh
# test_examples.sh BUILD ROOT CC: the programs in README.md and on top of cotangent.h compile without
# a warning and print what is said beside them.
set -u
. "$(dirname "$0")/check.sh"
build=$1 root=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run NAME: compare what the program prints with NAME.txt
run() {
    if $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$root/include" -o "$work/$1" \
        "$work/$1.c" -L"$build" -lcotangent "-Wl,-rpath,$build" &&
        "$work/$1" >"$work/out" && diff "$work/$1.txt" "$work/out"; then
        ok
    else
        bad "$1"
    fi
}

# the first C block, and the block behind it
awk '/^```c$/ { on = 1; next } /^```/ && on { exit } on' "$root/README.md" >"$work/readme.c"
awk '/^```$/ && seen == 2 { exit } seen == 2 { print } /^```c$/ && !seen { seen = 1; next }
     /^```$/ && seen == 1 { if (closed) seen = 2; closed = 1 }' "$root/README.md" >"$work/readme.txt"
run readme
sed -n '/^ \*   #include/,/^ \*   }/p' "$root/include/cotangent.h" | sed 's/^ \*   //' >"$work/header.c"
sed -n 's/^ \* prints: \(.*\]\]\)\..*/\1/p' "$root/include/cotangent.h" >"$work/header.txt"
run header
for program in readme header; do
    lines=$(wc -l <"$work/$program.c")
    [ "$lines" -ge 15 ] && [ "$lines" -le 20 ] && ok || bad "$program: $lines lines, not 20 at most"
done
verdict
