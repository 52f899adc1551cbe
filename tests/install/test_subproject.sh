#!/bin/sh
# test_subproject.sh SOURCE CC: a project of somebody else's that has this one in its subprojects/
# builds the library and its own program, and nothing else of ours.
set -u
# shellcheck source=../house/check.sh
. "$1/tests/house/check.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/subprojects"
ln -s "$1" "$work/subprojects/cotangent"
printf '%s\n' "project('user', 'c')" \
    "executable('user', 'user.c', dependencies: dependency('cotangent'))" >"$work/meson.build"
cp "$1/tests/install/user.c" "$work"
unset DESTDIR
holds 'meson setup' env CC="$2" meson setup --wrap-mode=forcefallback "$work/build" "$work" \
    --fatal-meson-warnings -Dcotangent:tests=enabled >"$work/log" 2>&1
[ "$failed" -eq 0 ] || cat "$work/log"

# what a plain ninja would do, a line each
ninja -C "$work/build" -n >"$work/steps"
holds 'the library and the program are not built' \
    [ "$(grep -cE 'Linking target (user|.*libcotangent\.so)' "$work/steps")" -ge 2 ]
none 'more is built than the library and the program' "$(grep -E 'Linking target' "$work/steps" |
    grep -vE 'Linking target (user|subprojects/cotangent/libcotangent\.so[.0-9]*)$')"
none 'a file is compiled that is not of the library' "$(grep -E 'Compiling' "$work/steps" |
    grep -vE 'object (subprojects/cotangent/(autograd|ops|nn)/lib[a-z_-]*\.a|user)\.p/')"
verdict
