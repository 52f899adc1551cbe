# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# Each target of tests/fuzz for FUZZ_SECONDS; what is reached of the operators is in
# build/slow/operators.
fuzzed() {
    local log=build/slow/fuzz-$1.log
    if (FUZZ_COUNTS=build/slow/counts fuzz "$1" "${FUZZ_SECONDS:-300}") >"$log" 2>&1; then
        passed=$((passed + 1))
        say "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions"
    else
        failed=$((failed + 1))
        tail -n 40 "$log"
    fi
}

rm -f build/slow/counts
for target in $(sed -n 's/^TARGET(\(.*\))$/\1/p' tests/fuzz/targets.def); do
    step "$target" fuzzed "$target"
done
if [ -e build/slow/counts ]; then
    awk '{ n[$2] += $1 } END { for (name in n) print n[name], name }' build/slow/counts |
        sort -n >build/slow/operators
    say "least reached: $(grep -v ' -' build/slow/operators | head -n 1)"
fi
