# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# The ways of embedding that take longer than ./run tests may: docs/embedding.md.

# one_file COMPILER OPTION ...: $one/cotangent.c by that compiler, with the options for users, and
# the suites with it instead of the library
one_file() {
    "$1" -O2 -std=c11 -c "$one/cotangent.c" -o "$one/$1.o" &&
        (cd "$at" && sh -c "$(ninja -t commands tests/cotangent-tests | tail -n 1 |
            sed -E "s# (autograd|ops|nn)/lib[a-z_-]*\\.a##g
                    s#-o [^ ]*#-o onefile/$1-suites onefile/$1.o#")") &&
        "$one/$1-suites"
}

# same_bits COMPILER: cotangent.c by it gives the bits of the library by it, with each kind of kernels
same_bits() {
    local simd
    "$1" -O2 -std=c11 -Iinclude tests/install/bits.c "$one/$1.o" -lm -lpthread -o "$one/$1-bits" &&
        "$1" -O2 -std=c11 -Iinclude tests/install/bits.c "$2/libcotangent.a" -lm -lpthread \
            -o "$one/$1-library-bits" || return 1
    for simd in 1 2 3; do
        "$one/$1-bits" "$simd" >"$one/$1-bits.$simd" &&
            "$one/$1-library-bits" "$simd" | diff - "$one/$1-bits.$simd" || return 1
    done
    echo "$(wc -l <"$one/$1-bits.3") passed, 0 failed, 0 skipped"
}

# instructions PROGRAM ARGUMENT ...: so many, in thousands, by callgrind
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\)...$/\1/p'
}

# as_fast: a training step, and chains of nodes, take at most 3 % more instructions than with the
# library
as_fast() {
    local work status=0 mine theirs
    gcc -O2 -std=c11 -Iinclude tests/install/work.c "$one/gcc.o" -lm -lpthread -o "$one/work" &&
        gcc -O2 -std=c11 -Iinclude tests/install/work.c "$at/libcotangent.a" -lm -lpthread \
            -o "$one/library-work" || return 1
    for work in mlp small nodes; do
        mine=$(instructions "$one/work" "$work" 20)
        theirs=$(instructions "$one/library-work" "$work" 20)
        echo "$work: $mine thousand instructions; with the library $theirs"
        [ $((mine * 100)) -le $((theirs * 103)) ] || status=1
    done
    echo "$((1 - status)) passed, $status failed, 0 skipped"
    return "$status"
}

# left_out: each macro that leaves a part out, and all; docs/embedding.md has the sizes
left_out() {
    local options name
    for options in "" -DCT_NO_GRADCHECK -DCT_NO_GRAPH -DCT_NO_NN -DCT_NO_SIMD \
        "-DCT_NO_GRADCHECK -DCT_NO_GRAPH -DCT_NO_NN -DCT_NO_SIMD"; do
        name=$one/part${options//[ -]/}
        # shellcheck disable=SC2086 # words
        gcc -O2 -std=c11 -Wall -Wextra $options "$one/cotangent.c" tests/install/core.c -I"$one" -lm \
            -lpthread -o "$name" && [ "$("$name")" = "d(x sin x)/dx at 2: 0.0770038" ] || return 1
        strip "$name"
        echo "$(($(wc -c <"$name") / 1000)) kB: ${options:-all}"
    done
    echo '6 passed, 0 failed, 0 skipped'
}

need_test_tools valgrind
without=(-Dzlib=disabled -Djansson=disabled -Dpng=disabled -Dlapack=disabled -Dmpi=none)
only=libcotangent.a prepare onefile-clang clang "${without[@]}" -Dtests=disabled
if only=libcotangent.a prepare onefile gcc "${without[@]}" && build onefile tests/cotangent-tests; then
    one=$at/onefile
    /usr/bin/python3 embed/onefile.py "$one"
    for compiler in gcc clang; do
        step "the suites with cotangent.c, by $compiler" try one_file "$compiler"
    done
    step "bits of cotangent.c, by gcc" try same_bits gcc "$at"
    step "bits of cotangent.c, by clang" try same_bits clang build/onefile-clang
    step "as fast as the library" try as_fast
    step "parts left out" try left_out
fi
