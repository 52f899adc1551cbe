# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# Replays give the bits of eager runs: 100 runs of all operators, layers, losses and optimizers, with
# changing data, rates, masks and batch sizes, at 1 to 8 threads; 40,000 functions made of chance; and
# quick runs of the lecture's programs with every step replayed.

# without_times FILE: what a program printed, but for seconds, and lines that come now and then
without_times() {
    sed -E 's/ \([0-9.]+ s\)//; / [0-9]+:[0-9]{2} left/d' "$1"
}

# replayed NAME: a quick run prints the same with --replay and without
replayed() {
    local way out=$at/$1-quick status=0
    data_of "$1"
    for way in "" --replay; do
        # shellcheck disable=SC2086 # $way may be nothing
        "$at/docs/programs/$1" --quick "${data[@]}" --out "$out" $way >"$out$way.log" 2>&1 || status=$?
    done
    if [ "$status" -eq 0 ] && diff <(without_times "$out.log") <(without_times "$out--replay.log"); then
        passed=$((passed + 1))
    else
        say "$1, quick: status $status, or it prints something else when it is replayed"
        failed=$((failed + 1))
    fi
}

need_test_tools
only=tests/cotangent-tests
if prepare gcc-exhaustive gcc -Dc_args=-DEXHAUSTIVE=1; then
    export CK_TIMEOUT_MULTIPLIER=100
    for suite in programs bits group strange; do
        step "$suite, 100 runs" try "$at/tests/cotangent-tests" "$suite"
    done
    for share in {0..15}; do
        TEST_SHARE=$share/16 step "replay, 100 runs, share $share of 16" \
            try "$at/tests/cotangent-tests" replay
        TEST_SHARE=$share/16 step "chance, share $share of 16" \
            try "$at/tests/cotangent-tests" chance
    done
fi
at=build/release
for name in $programs; do
    need_program "$name"
    configure release gcc -Dtests=disabled
    build release "docs/programs/$name"
    step "$name, quick" replayed "$name"
done
