# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# The benchmarks beside what they are compared with; build/bench/NAME.json has the figures.
for name in $benchmarks; do
    measured() { (bench --peers "$1") >"build/slow/bench-$1.log" 2>&1 && passed=$((passed + 1)); }
    step "$name" measured "$name"
done
