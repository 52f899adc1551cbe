#!/bin/sh
# test_symbols.sh LIBRARY INCLUDE CC: the shared library exports what the headers declare, no more
# and no less, and calls nothing that ends the host, prints, or changes it.
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
library=$1 include=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# functions and objects that the headers declare; ct_status (*f)(...) declares no ct_status
printf '#include <cotangent.h>\n' | $cc -std=c11 -I"$include" -E -P -x c - | tr '\n' ' ' |
    sed -E 's/extern const ct_op ([^;]*);/\n&\n/g' >"$work/text"
{
    grep -oE '\bct_[a-z0-9_]+ ?\([^*]' "$work/text" | sed -E 's/[ (].*//'
    grep -E '^extern' "$work/text" | sed 's/extern const ct_op//; s/;//; s/ //g' | tr ',' '\n'
} | sort -u >"$work/declared"
nm -D --defined-only "$library" | awk '{ print $NF }' | grep -vE '^_' | sort -u >"$work/exported"

none "declared, but not exported" "$(comm -23 "$work/declared" "$work/exported")"
none 'exported, but not declared' "$(comm -13 "$work/declared" "$work/exported")"
holds "hardly anything is exported" [ "$(wc -l <"$work/exported")" -gt 150 ]

nm -D --undefined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | sort -u >"$work/called"
for name in abort exit _exit _Exit quick_exit raise kill signal sigaction setlocale setenv putenv \
    fesetround feenableexcept printf vprintf __printf_chk puts putchar perror __assert_fail \
    atexit pthread_atfork omp_get_thread_num lgamma lgammaf; do
    if grep -qx "$name" "$work/called"; then
        bad "the library calls $name"
    else
        ok
    fi
done
verdict
