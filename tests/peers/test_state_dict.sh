#!/bin/sh
# test_state_dict.sh PYTHON STATE_DICT WEIGHTS: PyTorch loads the weights of all our layers, strictly,
# and its outputs are ours. Skipped (77) without PyTorch.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$3" "$work/weights"
"$1" "$2" check "$work/weights"
