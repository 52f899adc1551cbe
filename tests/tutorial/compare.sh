#!/bin/sh
# compare.sh PROGRAM EXPECTED: the program succeeds and prints just this.
if actual=$("$1") && printf '%s\n' "$actual" | diff "$2" -; then
    echo '1 passed, 0 failed, 0 skipped'
else
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
fi
