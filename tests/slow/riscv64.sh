# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# All suites for RISC-V, by qemu.
need_test_tools gcc-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user
emulated riscv64 qemu-riscv64
