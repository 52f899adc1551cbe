#!/bin/sh
# compare.sh PROGRAM EXPECTED: the program succeeds and prints just this.
actual=$("$1") && printf '%s\n' "$actual" | diff "$2" - && echo '1 passed, 0 failed, 0 skipped' ||
    { echo '0 passed, 1 failed, 0 skipped'; exit 1; }
