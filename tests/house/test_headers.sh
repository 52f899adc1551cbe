#!/bin/sh
# test_headers.sh INCLUDE CC CXX [MPI]: each public header compiles alone, as C11 and as C++11,
# without a warning. MPI is the name of its package; without it mpi.h is left out.
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
include=$1 cc=$2 cxx=$3
mpi=
if [ $# -eq 4 ]; then
    mpi=$(pkg-config --cflags "$4" | sed 's/-I/-isystem /g')
fi
for header in cotangent.h $(cd "$include" && ls cotangent/*.h cotangent/*/*.h); do
    if [ "$header $#" = 'cotangent/mpi.h 3' ]; then
        continue
    fi
    for compiler in "$cc -std=c11 -x c" "$cxx -std=c++11 -x c++"; do
        # shellcheck disable=SC2086 # words
        if printf '#include <%s>\n' "$header" |
            $compiler -Wall -Wextra -Wpedantic -Werror -I"$include" $mpi -fsyntax-only -; then
            ok
        else
            bad "$compiler: $header"
        fi
    done
done
verdict
