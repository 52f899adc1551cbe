#!/bin/sh
# test_symbols.sh LIBRARY INCLUDE CC [MPI]: the shared library exports what the headers declare, no
# more and no less, and calls nothing that ends the host, prints, or changes it. With MPI, which is
# the name of its package, it is cotangent-mpi, and the header mpi.h.
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
library=$1 include=$2 cc=$3 header=cotangent.h flags='' mine=. least=150
if [ $# -eq 4 ]; then
    header=cotangent/mpi.h mine='^ct_mpi_' least=10
    flags=$(pkg-config --cflags "$4" | sed 's/-I/-isystem /g')
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# functions and objects that the headers declare; ct_status (*f)(...) declares no ct_status
# shellcheck disable=SC2086 # words
printf '#include <%s>\n' "$header" | $cc -std=c11 -I"$include" $flags -E -P -x c - | tr '\n' ' ' |
    sed -E 's/extern const ct_op ([^;]*);/\n&\n/g' >"$work/text"
{
    grep -oE '\bct_[a-z0-9_]+ ?\([^*]' "$work/text" | sed -E 's/[ (].*//'
    grep -E '^extern' "$work/text" | sed 's/extern const ct_op//; s/;//; s/ //g' | tr ',' '\n'
} | grep -E "$mine" | sort -u >"$work/declared"
nm -D --defined-only "$library" | awk '{ print $NF }' | grep -vE '^_' | sort -u >"$work/exported"

none "declared, but not exported" "$(comm -23 "$work/declared" "$work/exported")"
none 'exported, but not declared' "$(comm -13 "$work/declared" "$work/exported")"
holds "hardly anything is exported" [ "$(wc -l <"$work/exported")" -ge "$least" ]

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
