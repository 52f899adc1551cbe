# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# The programs of the lecture at three seeds each: they end well if they reached the figures that
# they promise. With all of them, screenshots of their reports.

# promises NAME SEED
promises() {
    local status=0 log=$at/$1-$2.log
    data_of "$1"
    "$at/docs/programs/$1" "${data[@]}" --seed "$2" --out "$at/$1-$2" >"$log" || status=$?
    say "$1, seed $2 (status $status): $(tail -n 1 "$log")"
    grep -E '^(reached|MISSED):' "$log" || true
    if [ "$status" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# screenshots NAME ...: of the reports of seed 1, by Chromium, as it is on a desk and on a telephone
screenshots() {
    local name size
    need chromium
    for name; do
        for size in 1200,2600 420,4200; do
            chromium --headless --no-sandbox --hide-scrollbars --window-size="$size" \
                --screenshot="$PWD/$at/$name-${size%,*}.png" "file://$PWD/$at/$name-1/report.html" \
                >/dev/null 2>&1 || say "no screenshot of $name"
        done
    done
    say "screenshots: $at/NAME-1200.png, $at/NAME-420.png"
}

at=build/release
# shellcheck disable=SC2154 # slow() sets it
for name in $names; do
    need_program "$name"
    configure release gcc -Dtests=disabled
    build release "docs/programs/$name"
    for seed in 1 2 3; do
        step "$name, seed $seed" promises "$name" "$seed"
    done
done
if [ "$names" = "$programs" ]; then
    # shellcheck disable=SC2086 # names, apart by spaces
    screenshots $names
fi
