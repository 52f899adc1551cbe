# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# All suites where addresses have 32 bits, by qemu.
need_test_tools gcc-i686-linux-gnu libc6-dev-i386-cross qemu-user
emulated i686 qemu-i386 -cpu max
