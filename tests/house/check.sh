# Sourced by the checks: `ok` and `bad` count, `verdict` ends.
passed=0 failed=0

ok() { passed=$((passed + 1)); }

bad() {
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$*"
}

# none WHAT LINES: there are no such lines
none() {
    if [ -z "$2" ]; then
        ok
    else
        bad "$1"
        printf '%s\n' "$2"
    fi
}

verdict() {
    printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
    exit
}
