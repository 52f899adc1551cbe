#!/bin/sh
# compare.sh PROGRAM EXPECTED: does the program succeed and print just this?
set -eu
actual=$("$1")
printf '%s\n' "$actual" | diff "$2" -
