# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# Gradient checks at 100 seeds, the proof of the checker at 1,000.
need_test_tools
if prepare gcc-release gcc; then
    step "many seeds" try meson test -C "$at" --no-rebuild --setup slow --suite slow --verbose
fi
