#!/bin/sh
# test_headers.sh INCLUDE CC CXX: each public header compiles alone, as C11 and as C++11, without a
# warning.
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
include=$1 cc=$2 cxx=$3
for header in cotangent.h $(cd "$include" && ls cotangent/*.h cotangent/*/*.h); do
    for compiler in "$cc -std=c11 -x c" "$cxx -std=c++11 -x c++"; do
        # shellcheck disable=SC2086 # words
        if printf '#include <%s>\n' "$header" |
            $compiler -Wall -Wextra -Wpedantic -Werror -I"$include" -fsyntax-only -; then
            ok
        else
            bad "$compiler: $header"
        fi
    done
done
verdict
