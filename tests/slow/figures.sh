# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# What PyTorch computes, computed again, and compared with the files that the tests read.
need python3-torch
at=build/slow
for file in tests/*/torch/*.txt; do
    step "$(basename "$file" .txt)" try tests/nn/torch/again.py "${file%.txt}.py"
done
