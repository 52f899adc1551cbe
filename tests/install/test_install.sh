#!/bin/sh
# test_install.sh BUILD SOURCES CC CXX: install to a folder, then be a user: pkg-config, two small
# programs, C11 and C++11, against the shared and the static library, without a warning.
set -u
sources=$2 cc=$3 cxx=$4
# shellcheck source=../house/check.sh
. "$sources/../house/check.sh"
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
DESTDIR=$prefix meson install -C "$1" --no-rebuild --quiet >/dev/null || bad 'meson install'
pc=$(find "$prefix" -name cotangent.pc)
[ -n "$pc" ] || { bad 'no cotangent.pc'; verdict; }
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$prefix"
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
verdict
