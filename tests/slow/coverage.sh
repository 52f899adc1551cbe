# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# How much of the library the suites run: at least 98 % of lines and 92 % of branches. Branches of
# asserts do not count. build/coverage/lines.txt lists what is left; tests/uncovered.txt has the reasons.

# lines that no suite runs, the first of each run of them, and that the list does not have
without_reason() {
    /usr/bin/python3 - "$at/lines.txt" tests/uncovered.txt <<'END'
import re, sys
known = set(open(sys.argv[2], encoding="utf-8").read().split("\n"))
for row in open(sys.argv[1], encoding="utf-8"):
    left = re.match(r"(\S+\.[ch]) .*% +(\d.*)", row)
    for run in left[2].split(",") if left else []:
        text = open(left[1], encoding="utf-8").read().split("\n")[int(run.split("-")[0]) - 1]
        if not known & {f"{left[1]}: {text.strip()}", f"{left[1]}: *"}:
            print(f"without a reason: {left[1]}:{run}: {text.strip()}")
END
}

covered() {
    local lines branches
    CK_FORK=no try "$at/tests/cotangent-tests"
    # gcov 12 prints counts below 0, which gcovr takes for no branches at all
    gcovr --gcov-ignore-parse-errors --root . --object-directory "$at" --filter autograd/ --filter ops/ --filter nn/ \
        --txt "$at/lines.txt" --json-summary "$at/summary.json" --exclude-throw-branches
    read -r lines branches < <(/usr/bin/python3 -c 'import json, sys
s = json.load(open(sys.argv[1]))
print(s["line_percent"], s["branch_percent"])' "$at/summary.json")
    say "lines: $lines %, branches: $branches %"
    without_reason
    if awk -v l="$lines" -v b="$branches" 'BEGIN { exit !(l >= 98 && b >= 92) }'; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
}

need_test_tools gcovr python3
only=tests/cotangent-tests
if prepare coverage gcc "${debug[@]}" -Db_coverage=true -Ddefault_library=static \
    "-Dc_args=-g1 -DNDEBUG -fprofile-update=atomic"; then
    find "$at" -name '*.gcda' -delete
    step "coverage" covered
fi
