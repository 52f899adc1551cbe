# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# All suites where the highest byte comes first, files included, by qemu.
need_test_tools gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user
emulated s390x qemu-s390x
