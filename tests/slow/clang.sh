# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# All tests of what clang makes; in the release nothing is left out to save time.
need_test_tools
prepare clang-sanitize clang "${sanitize[@]}" && step "with sanitizers" sanitized
prepare clang-release clang -Dc_args=-DEXHAUSTIVE=1 && step "release" try all
