#!/bin/sh
# test_gradients.sh DIGITS FIRST LAST: the gradient check passes for every seed from FIRST to LAST.
set -eu
unset COTANGENT_DATA
seed=$2
while [ "$seed" -le "$3" ]; do
    output=$("$1" --check-only --train 10 --test 10 --seed "$seed") || {
        printf 'seed %s\n%s\n' "$seed" "$output"
        exit 1
    }
    case $output in
    *"gradient check: pass, "[1-9]*" entries compared"*) ;;
    *) printf 'seed %s\n%s\n' "$seed" "$output"; exit 1 ;;
    esac
    seed=$((seed + 1))
done
