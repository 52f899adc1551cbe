# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# All suites where addresses have 32 bits, by qemu.
suites=$(sed -n 's/^SUITE(\(.*\))$/\1/p' tests/suites.def)
need_test_tools gcc-i686-linux-gnu libc6-dev-i386-cross qemu-user
only=tests/cotangent-tests
if prepare i686 gcc --cross-file tests/cross/i686.ini -Dtests=enabled -Dzlib=disabled \
    -Djansson=disabled -Dpng=disabled -Dzip=disabled; then
    export QEMU_USER=yes CK_TIMEOUT_MULTIPLIER=10
    for suite in $suites; do
        step "$suite" try qemu-i386 -cpu max "$at/tests/cotangent-tests" "$suite"
    done
fi
