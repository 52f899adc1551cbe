# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# All suites under valgrind's memcheck, with one call of the allocator for each object.
suites=$(sed -n 's/^SUITE(\(.*\))$/\1/p' tests/suites.def)
need_test_tools valgrind
only=tests/cotangent-tests
if prepare valgrind gcc "${debug[@]}" -Dpool=off -Dlapack=disabled "-Dc_args=-g1 -DUNDER_VALGRIND"; then
    export CK_FORK=no
    for suite in $suites; do
        step "$suite" try valgrind -q --leak-check=full --errors-for-leak-kinds=definite \
            --error-exitcode=9 "$at/tests/cotangent-tests" "$suite"
    done
fi
