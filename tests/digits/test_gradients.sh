#!/bin/sh
# test_gradients.sh DIGITS FIRST LAST: the gradient check passes for every seed from FIRST to LAST.
set -u
unset COTANGENT_DATA
passed=0 failed=0
for seed in $(seq "$2" "$3"); do
    output=$("$1" --check-only --train 10 --test 10 --seed "$seed" 2>&1)
    status=$?
    case $status:$output in
    "0:"*"gradient check: pass, "[1-9]*" entries compared"*) passed=$((passed + 1)) ;;
    *)
        failed=$((failed + 1))
        printf 'FAILED: seed %s, exit status %s\n%s\n' "$seed" "$status" "$output" ;;
    esac
done
printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
