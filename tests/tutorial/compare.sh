#!/bin/sh
# compare.sh PROGRAM EXPECTED: the program succeeds and prints just this. Without arguments: there
# is no program in this build, and the test is skipped.
if [ $# -eq 0 ]; then
    echo '0 passed, 0 failed, 1 skipped'
    exit 77
elif actual=$("$1") && printf '%s\n' "$actual" | diff "$2" -; then
    echo '1 passed, 0 failed, 0 skipped'
else
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
fi
