#!/bin/sh
# test_widths.sh BITS PYTHON ROOT: at every sample of every operator, y and all gradients by each kind of
# kernels agree with those by plain ones. Where a processor has no wider ones, they are the same.
set -u
bits=$1 python=$2
# shellcheck source=../house/check.sh
. "$3/tests/house/check.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

for simd in 1 2 3; do
    holds "kernels $simd" sh -c "'$bits' $simd numbers >'$work/$simd'"
done
for simd in 2 3; do
    holds "kernels $simd and 1" "$python" "$3/tests/install/agree.py" "$work/1" "$work/$simd" 1e-13 1e-5
done
verdict
