#!/bin/sh
# test_install.sh BUILD SOURCES CC CXX: install to a folder, then be a user: two small programs, of C
# and C++, are built against the shared and the static library without a warning, by pkg-config and
# by CMake. What clang makes of them, too.
set -u
sources=$2 cc=$3 cxx=$4
# shellcheck source=../house/check.sh
. "$sources/../house/check.sh"
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
DESTDIR=$prefix meson install -C "$1" --no-rebuild --quiet >/dev/null || bad 'meson install'
pc=$(find "$prefix" -name cotangent.pc)
[ -n "$pc" ] || { bad 'no cotangent.pc'; verdict; }
root=${pc%/lib*/pkgconfig/*}
sed -i "s#^prefix=.*#prefix=$root#" "$pc" # as if it were configured for this folder
export PKG_CONFIG_PATH="${pc%/*}"
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name 'libcotangent.so')")
export LD_LIBRARY_PATH

printf 'slope 3.000000\nd(x^3/3)/dx at 2: 4\n' >"$prefix/user.c.txt"
printf '104 (396, 200)\nf32 (2,2) [[7, 10], [15, 22]]\n' >"$prefix/user.cpp.txt"
printf '2 calls, 4 elements\n' >>"$prefix/user.cpp.txt"

# try NAME COMPILER FLAGS: build NAME and compare what it prints
try() {
    # shellcheck disable=SC2086 # words
    if $2 "$sources/$1" -Wall -Wextra -Wpedantic -Werror -o "$prefix/program" $3 &&
        "$prefix/program" >"$prefix/out" && diff "$prefix/$1.txt" "$prefix/out"; then
        ok
    else
        bad "$1 with $2 $3"
    fi
}

shared=$(pkg-config --cflags --libs cotangent)
static="$(pkg-config --cflags cotangent) $(find "$prefix" -name libcotangent.a) \
    $(pkg-config --static --libs-only-l cotangent | sed 's/-lcotangent//')"
try user.c "$cc -std=c11" "$shared"
try user.cpp "$cxx -std=c++11" "$shared"
try user.c "$cc -std=c11" "$static"
try user.cpp "$cxx -std=c++11" "$static"
try user.cpp "$cxx -std=c++17" "$shared"
if command -v clang >/dev/null; then
    try user.c 'clang -std=c11' "$shared"
    try user.cpp 'clang++ -std=c++17' "$static"
fi

# one version everywhere
cat >"$prefix/version.c" <<'C'
#include <cotangent.h>
#include <stdio.h>
int main(void)
{
    printf("%s %s\n", CT_VERSION_TEXT, ct_version());
    return CT_VERSION < CT_VERSION_OF(0, 1, 0);
}
C
version=$(pkg-config --modversion cotangent)
# shellcheck disable=SC2086 # words
holds 'versions differ' [ "$($cc -std=c11 "$prefix/version.c" -o "$prefix/program" $shared &&
    "$prefix/program")" = "$version $version" ]
holds 'the SONAME' [ -n "$(objdump -p "$prefix/program" | grep -F " libcotangent.so.${version%%.*}")" ]

if command -v cmake >/dev/null; then
    if cmake -S "$sources" -B "$prefix/cmake" -DCMAKE_C_COMPILER="${cc##* }" \
        -DCMAKE_CXX_COMPILER="${cxx##* }" -DCMAKE_PREFIX_PATH="$root" \
        >"$prefix/log" 2>&1 && cmake --build "$prefix/cmake" >>"$prefix/log" 2>&1; then
        for program in found packaged static; do
            holds "CMake, $program" sh -c "'$prefix/cmake/$program' | diff '$prefix/user.c.txt' -"
        done
        holds 'CMake, found_cpp' sh -c "'$prefix/cmake/found_cpp' | diff '$prefix/user.cpp.txt' -"
    else
        bad 'CMake'
        cat "$prefix/log"
    fi
    holds 'CMake takes a version that is too old' sh -c "! cmake -S '$sources' -B '$prefix/old' \
        -DWANTED=0.2 -DCMAKE_C_COMPILER='${cc##* }' -DCMAKE_CXX_COMPILER='${cxx##* }' \
        -DCMAKE_PREFIX_PATH='$root' >/dev/null 2>&1"
fi
verdict
