# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# All suites for 64 bits of ARM, by qemu.
need_test_tools gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
emulated aarch64 qemu-aarch64
