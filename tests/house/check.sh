# shellcheck shell=sh
# Sourced by the checks: `ok` and `bad` count, `verdict` ends.
passed=0 failed=0

ok() { passed=$((passed + 1)); }

bad() {
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$*"
}

# holds WHAT COMMAND ...: the command succeeds
holds() {
    what=$1
    shift
    if "$@"; then ok; else bad "$what"; fi
}

# none WHAT LINES: there are no such lines
none() {
    holds "$1" [ -z "$2" ]
    [ -z "$2" ] || printf '%s\n' "$2"
}

verdict() {
    printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
    exit
}
