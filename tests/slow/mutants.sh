# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# MUTANTS of all mutants of the library (500), for at most MUTANTS_SECONDS: do the tests fail?
# build/slow/mutants/results.txt has what became of each. A later call goes on there.
need_test_tools python3
only=tests/cotangent-tests
if prepare mutants gcc -Ddefault_library=static && prepare coverage gcc "${debug[@]}" \
    -Db_coverage=true -Ddefault_library=static "-Dc_args=-g1 -DNDEBUG"; then
    at=build/slow
    try /usr/bin/python3 tests/mutants/mutants.py build/mutants build/coverage build/slow/mutants \
        "${MUTANTS:-500}" 1 "${MUTANTS_SECONDS:-3000}"
    grep -v '^[0-9]* passed' "$at/tests.log" || true
fi
