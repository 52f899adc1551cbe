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

# same_bits COMPILER: cotangent.c by it gives the bits of the library by it, with each kind of kernels.
# gcc is told by the file itself to compile as the library is compiled; clang by -O3
same_bits() {
    local simd object=$one/$1.o
    if [ "$1" = clang ]; then
        object=$one/clang-O3.o
        clang -O3 -std=c11 -c "$one/cotangent.c" -o "$object" || return 1
    fi
    "$1" -O2 -std=c11 -Iinclude tests/install/bits.c "$object" -lm -lpthread -o "$one/$1-bits" &&
        "$1" -O2 -std=c11 -Iinclude tests/install/bits.c "$2/libcotangent.a" -lm -lpthread \
            -o "$one/$1-library-bits" || return 1
    for simd in 1 2 3; do
        "$one/$1-bits" "$simd" >"$one/$1-bits.$simd" &&
            "$one/$1-library-bits" "$simd" | diff - "$one/$1-bits.$simd" || return 1
    done
    echo "$(wc -l <"$one/$1-bits.3") passed, 0 failed, 0 skipped"
}

# agree NAME SIMD COMMAND ...: the numbers that the command, a build of bits.c, finds in all samples are
# those of gcc's plain kernels
agree() {
    "${@:3}" "$2" numbers >"$one/$1.numbers" &&
        /usr/bin/python3 tests/install/agree.py "$one/plain.numbers" "$one/$1.numbers" 1e-13 1e-5 &&
        echo '1 passed, 0 failed, 0 skipped'
}

# by_gcc: what the numbers of other builds are compared with
by_gcc() {
    "$one/gcc-bits" 1 numbers >"$one/plain.numbers" && echo '1 passed, 0 failed, 0 skipped'
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
        gcc -O2 -std=c11 -Wall -Wextra -Werror $options "$one/cotangent.c" tests/install/core.c -I"$one" -lm \
            -lpthread -o "$name" && [ "$("$name")" = "d(x sin x)/dx at 2: 0.0770038" ] || return 1
        strip "$name"
        echo "$(($(wc -c <"$name") / 1000)) kB: ${options:-all}"
    done
    echo '6 passed, 0 failed, 0 skipped'
}

# prints NAME COMMAND ...: the command prints what tests/install/NAME prints everywhere
prints() {
    local expected=$'slope 3.000000\nd(x^3/3)/dx at 2: 4'
    if [ "$1" = user.cpp ]; then
        expected=$'104 (396, 200)\nf32 (2,2) [[7, 10], [15, 22]]\n2 calls, 4 elements'
    fi
    [ "$("${@:2}")" = "$expected" ] && echo '1 passed, 0 failed, 0 skipped'
}

# user COMPILER OPTION ...: user.c with cotangent.c by that compiler, run by $runner if that is set
user() {
    # shellcheck disable=SC2086 # words
    "$@" -O2 -std=c11 -c "$one/cotangent.c" -o "$one/$1.o" && linked user.c user "$@" &&
        prints user.c ${runner:-} "$one/$1-user"
}

# linked SOURCE NAME COMPILER OPTION ...: $one/COMPILER-NAME, with the object that `user` made
linked() {
    "${@:3}" -O2 -std=c11 -I"$one" "tests/install/$1" "$one/$3.o" -o "$one/$3-$2" -lm -lpthread
}

# numbers COMPILER OPTION ...: it agrees with gcc's plain kernels
numbers() {
    # shellcheck disable=SC2086 # words
    linked bits.c bits "$@" && agree "$1" 3 ${runner:-} "$one/$1-bits"
}

# where Debian has the packages of node that emcc needs; another node does not look there
export NODE_PATH="${NODE_PATH:-/usr/share/nodejs}"
emscripten=(emcc -O2 -std=c11 -sALLOW_MEMORY_GROWTH=1 -sSINGLE_FILE=1)

webassembly() {
    emcc -O2 -std=c11 -c "$one/cotangent.c" -o "$one/emcc.o" &&
        "${emscripten[@]}" -I"$one" tests/install/user.c "$one/emcc.o" -o "$one/user.js" -lm &&
        prints user.c node "$one/user.js"
}

webassembly_numbers() {
    "${emscripten[@]}" -I"$one" tests/install/bits.c "$one/emcc.o" -o "$one/bits.js" -lm &&
        agree emcc 3 node "$one/bits.js"
}

# from_cpp COMPILER C_COMPILER: user.cpp as C++17, with the object that the other made
from_cpp() {
    "$1" -std=c++17 -I"$one" tests/install/user.cpp "$one/$2.o" -o "$one/$1-user" -lpthread &&
        prints user.cpp "$one/$1-user"
}

# hidden: a shared library with cotangent.c in it exports nothing of it, unless CT_EXPORT asks for it
hidden() {
    local quick=(gcc -O0 -DCT_NO_SIMD -shared -fPIC "$one/cotangent.c" -o "$one/plugin.so")
    "${quick[@]}" && [ "$(nm -D --defined-only "$one/plugin.so" | grep -c ct_)" -eq 0 ] &&
        "${quick[@]}" -DCT_EXPORT &&
        [ "$(nm -D --defined-only "$one/plugin.so" | grep -c ' ct_matmul$')" -eq 1 ] &&
        [ "$(nm -D --defined-only "$one/plugin.so" | grep -c ct__)" -eq 0 ] &&
        echo '1 passed, 0 failed, 0 skipped'
}

# subproject COMPILER: the library as a part of a user's Meson project, with all options off
subproject() {
    local work=$one/subproject
    rm -rf "$work"
    mkdir -p "$work/subprojects"
    ln -s "$PWD" "$work/subprojects/cotangent"
    printf '%s\n' "project('user', 'c')" \
        "executable('user', 'user.c', dependencies: dependency('cotangent'))" >"$work/meson.build"
    cp tests/install/user.c "$work"
    CC=$1 meson setup --wrap-mode=forcefallback "$work/build" "$work" -Dcotangent:zlib=disabled \
        -Dcotangent:jansson=disabled -Dcotangent:zip=disabled -Dcotangent:png=disabled -Dcotangent:mpi=none \
        -Dcotangent:lapack=disabled -Dcotangent:blas=none -Dcotangent:pool=off \
        -Dcotangent:default_library=static &&
        ninja -C "$work/build" user && prints user.c "$work/build/user"
}

# debian: the packages are built, lintian finds no error, and user.c is built with what is in them
debian() {
    local to=$one/debian root=$one/debian/root
    DEB_BUILD_OPTIONS=nocheck embed/debian.sh "$to" &&
        lintian --no-cfg --fail-on error "$to"/*.changes || return 1
    for package in libcotangent0 libcotangent-dev; do
        dpkg -x "$to/${package}_"*.deb "$root" || return 1
    done
    gcc -std=c11 -I"$root/usr/include" tests/install/user.c -L"$(echo "$root"/usr/lib/*-gnu*)" \
        -lcotangent -o "$one/debian-user" &&
        prints user.c env LD_LIBRARY_PATH="$(echo "$root"/usr/lib/*-gnu*)" "$one/debian-user"
}

need_test_tools valgrind qemu-user gcc-i686-linux-gnu libc6-dev-i386-cross gcc-aarch64-linux-gnu \
    libc6-dev-arm64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross musl-tools nodejs \
    libopenblas-serial-dev
without=(-Dzlib=disabled -Djansson=disabled -Dpng=disabled -Dzip=disabled -Dlapack=disabled -Dmpi=none)
only=libcotangent.a prepare onefile-clang clang "${without[@]}" -Dtests=disabled
if only=libcotangent.a prepare onefile gcc "${without[@]}" && build onefile tests/cotangent-tests; then
    one=$at/onefile
    /usr/bin/python3 embed/onefile.py "$one"
    for compiler in gcc clang; do
        step "the suites with cotangent.c, by $compiler" try one_file "$compiler"
    done
    step "bits of cotangent.c, by gcc" try same_bits gcc "$at"
    step "bits of cotangent.c, by clang" try same_bits clang build/onefile-clang
    for compiler in gcc clang; do
        step "programs as C, by $compiler" tests/install/test_emit.sh . "$one" "$one/$compiler.o" \
            "$compiler -O2 -std=c11" '1 3' 'mlp sgd adam ode waves cnn lstm'
    done
    step "as fast as the library" try as_fast
    step "parts left out" try left_out
    step "C++17 by g++" try from_cpp g++ gcc
    step "C++17 by clang++" try from_cpp clang++ clang
    step "as a part of a shared library" try hidden
    step "numbers of gcc's plain kernels" try by_gcc
    step "numbers of gcc's widest kernels" try agree gcc 3 "$one/gcc-bits"
    step "numbers of clang's plain kernels" try agree clang-plain 1 "$one/clang-bits"
    step "numbers of clang's widest kernels" try agree clang 3 "$one/clang-bits"
    narrow=(i686-linux-gnu-gcc -msse2 -mfpmath=sse -static)
    runner="qemu-i386 -cpu max" step "addresses of 32 bits" try user "${narrow[@]}"
    runner="qemu-i386 -cpu max" step "numbers with addresses of 32 bits" try numbers "${narrow[@]}"
    runner=qemu-aarch64 step "64 bits of ARM" try user aarch64-linux-gnu-gcc -static
    runner=qemu-aarch64 step "numbers of NEON" try numbers aarch64-linux-gnu-gcc -static
    big=(s390x-linux-gnu-gcc -fexcess-precision=fast -static)
    runner=qemu-s390x step "the highest byte first" try user "${big[@]}"
    runner=qemu-s390x step "numbers with the highest byte first" try numbers "${big[@]}"
    step "musl" try user musl-gcc -static
    step "numbers with musl" try numbers musl-gcc -static
    if want "WebAssembly" emscripten; then
        step "WebAssembly under node" try webassembly
        step "numbers of WebAssembly" try webassembly_numbers
    fi
    if want "the Debian package" debhelper dpkg-dev fakeroot lintian; then
        step "Debian's packages" try debian
    fi
    step "a subproject with all options off, by clang" try subproject clang
fi
path=$(dirname "$(has_library openblas-serial/libopenblas.so)")
export LIBRARY_PATH=$path LD_LIBRARY_PATH=$path
if only=libcotangent.a prepare embed-openblas gcc -Dblas=openblas -Dmpi=none -Dtests=disabled &&
    build embed-openblas "$(ninja -C "$at" -t targets all |
        sed -n 's/^\(libcotangent\.so[.0-9]*\): c_LINK.*/\1/p')"; then
    step "installed, with OpenBLAS" try tests/install/test_install.sh "$PWD/$at" \
        "$PWD/tests/install" gcc g++
fi
unset LIBRARY_PATH LD_LIBRARY_PATH
