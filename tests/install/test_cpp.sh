#!/bin/sh
# test_cpp.sh BUILD ROOT CXX: values.cpp, with errors as exceptions and as results, under
# AddressSanitizer, without a warning; and cotangent.hpp is small.
set -u
# shellcheck source=../house/check.sh
. "$2/tests/house/check.sh"
program=$(mktemp)
trap 'rm -f "$program"' EXIT
for errors in '' -DCT_RESULTS; do
    # shellcheck disable=SC2086 # words
    if $3 -std=c++17 -g1 -Wall -Wextra -Wpedantic -Werror -fsanitize=address,undefined $errors \
        -I"$2/include" "$2/tests/install/values.cpp" -L"$1" -lcotangent -Wl,-rpath,"$1" \
        -o "$program"; then
        ok
        "$program" >"$program.log" 2>&1 || bad "values.cpp $errors: $(tail -n 20 "$program.log")"
        passed=$((passed + $(sed -n 's/ passed, .*//p' "$program.log")))
        rm -f "$program.log"
    else
        bad "values.cpp $errors does not compile"
    fi
done
holds 'cotangent.hpp has over 300 lines' [ "$(wc -l <"$2/include/cotangent.hpp")" -le 300 ]
verdict
