# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# 1,000,000 steps of each of three networks, without a break and with many: tests/nn/train/soak.c.
need_test_tools
only=tests/soak
if prepare gcc-release gcc; then
    step "soak" try "$at/tests/soak" 1000000 "$at"
    cat "$at/soak.log"
fi
