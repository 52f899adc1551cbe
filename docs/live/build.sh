#!/bin/sh
# build.sh OUTPUT [BUILD]: writes the pages in which the library runs into the folder OUTPUT:
# live.js, the library as WebAssembly in one plain script; the other scripts; and the pages' texts.
# The library is compiled in the folder BUILD (build/live), for the first time in some minutes, and
# after that only where something changed. Nothing is fetched.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if [ $# -lt 1 ]; then
    sed -n '2,5s/^# //p' "$0"
    exit 2
fi
out=$1
build=${2:-$root/build/live}

for tool in emcc meson ninja; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing: apt-get install --no-install-recommends emscripten meson" >&2
        exit 1
    fi
done

# Emscripten has its own headers, and uthash.h is none of them
uthash=$(printf '#include <uthash.h>\n' | cc -E - 2>/dev/null |
    sed -n 's/^# 1 "\(.*uthash\.h\)".*/\1/p' | head -n 1)
if [ -z "$uthash" ]; then
    echo "uthash.h is missing: apt-get install uthash-dev" >&2
    exit 1
fi
mkdir -p "$out" "$build/include"
cmp -s "$uthash" "$build/include/uthash.h" || cp "$uthash" "$build/include/uthash.h"

# run COMMAND ...: its output goes into a log, which is shown if it fails
run() {
    if ! "$@" >"$build/build.log" 2>&1; then
        grep -v 'argument unused during compilation' "$build/build.log" >&2
        exit 1
    fi
}
# every browser has had 128 bits of SIMD since 2021
if ! [ -f "$build/build.ninja" ]; then
    run meson setup "$build" "$root" --cross-file "$here/emscripten.ini" \
        "-Dc_args=-msimd128 -Wno-pass-failed -I$build/include"
fi
# where Debian has the packages of node that emcc needs; another node does not look there
export NODE_PATH="${NODE_PATH:-/usr/share/nodejs}"
run ninja -C "$build" docs/live/live.js

cp "$build/docs/live/live.js" "$here"/*.css "$here"/*.js "$out"
size=$(wc -c <"$out/live.js")
for page in "$here"/*.html; do
    sed "s/@size@/$((size / 1000000)).$((size / 100000 % 10)) MB/" "$page" >"$out/${page##*/}"
done
