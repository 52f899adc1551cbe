# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# Races between threads: ThreadSanitizer over all that is computed by several threads, at sizes where
# work is shared out, and valgrind's helgrind over what is locked. Neither understands a fork
# (tests/helgrind.supp).
need_test_tools valgrind
only=tests/cotangent-tests
if prepare threads gcc "${debug[@]}" -Dc_args=-g1 -Db_sanitize=thread -Db_lundef=false; then
    for suite in threads ahead training repeatable determinism large program replay; do
        step "ThreadSanitizer: $suite" try "$at/tests/cotangent-tests" "$suite"
    done
fi
if prepare valgrind gcc "${debug[@]}" -Dpool=off -Dlapack=disabled "-Dc_args=-g1 -DUNDER_VALGRIND"; then
    # helgrind knows locks, by which batches are handed over, and not the atomics of ct_parallel_for
    export CK_FORK=no
    step "helgrind: ahead" try valgrind -q --tool=helgrind --error-exitcode=9 \
        --history-level=approx --suppressions=tests/helgrind.supp "$at/tests/cotangent-tests" ahead
fi
