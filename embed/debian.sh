#!/bin/sh
# debian.sh OUT: writes Debian's source package into the folder OUT and builds the packages
# libcotangent0, libcotangent-dev, -doc and -examples of it. Uncommitted changes are left out. With
# DEB_BUILD_OPTIONS=nocheck the suites do not run.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=$1
version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$root/meson.build")
source=cotangent-$version
mkdir -p "$out"
rm -rf "${out:?}/$source"
git -C "$root" archive --format=tar.gz --prefix="$source/" HEAD \
    >"$out/cotangent_$version.orig.tar.gz"
tar -xzf "$out/cotangent_$version.orig.tar.gz" -C "$out"
cp -r "$out/$source/embed/debian" "$out/$source/debian"
cd "$out/$source"
dpkg-buildpackage -us -uc
