# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# clang-tidy (.clang-tidy), cppcheck (tests/cppcheck.txt) and gcc's -fanalyzer find nothing but what
# tests/analyzers.txt names.
sources() { printf '%s\n' autograd/*/*.c ops/*.c ops/*/*.c nn/*/*.c | sort; }

# the findings but for those that tests/analyzers.txt names
new_ones() {
    awk 'NR == FNR { if (split($2, check, ":") == 2) known[$1 " " check[1]]; next }
         { for (k in known) { split(k, of, " "); if (index($0, of[1]) && index($0, of[2])) next } }
         { print }' tests/analyzers.txt -
}

# clean COMMAND ...: it says nothing
clean() {
    local out=build/slow/$log.txt
    "$@" >"$out" 2>&1
    if grep -E 'warning:|error:|style:|performance:|portability:' "$out" | sort -u | new_ones | grep .; then
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

need_test_tools clang-tidy cppcheck
prepare clang-warnings clang -Dbuildtype=debug -Ddebug=false -Doptimization=0
for folder in autograd ops nn; do # one after the other, so that a run can be interrupted
    step "clang-tidy $folder" clean xargs -n 1 -P "$(nproc)" clang-tidy --quiet -p "$at" \
        < <(sources | grep "^$folder/")
done
step "cppcheck" clean cppcheck --quiet --std=c11 --enable=warning,performance,portability \
    --inline-suppr --suppressions-list=tests/cppcheck.txt -j "$(nproc)" --error-exitcode=0 \
    -I include --template='{file}:{line}: {severity}: {message} [{id}]' autograd ops nn mpi
# gcc's analyzer takes vectors, and arrays that are filled up to a count, for uninitialized; valgrind
# looks for that
configure analyzer gcc -Ddefault_library=static -Dtests=disabled -Dbuildtype=debug -Ddebug=false \
    -Doptimization=1 "-Dc_args=-fanalyzer -Wno-analyzer-use-of-uninitialized-value"
step "gcc's analyzer" clean ninja -k 0 -C build/analyzer
