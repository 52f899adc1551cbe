#!/bin/sh
# test_sources.sh ROOT: what files include, and whether every file is built.
set -u
# shellcheck source=check.sh
. "$(dirname "$0")/check.sh"
cd "$1" || exit 1

# includes FOLDER: "file: what it includes", of all files in it
includes() {
    grep -rHoE '^ *# *include +[<"][^>"]*' "$1" --include='*.[ch]' --include='*.def' |
        sed -E 's/# *include +[<"]//'
}

none 'a file includes what lies in another folder' \
    "$(grep -rnE '# *include +"(\.\.|[a-z]+/)' autograd ops nn mpi include)"

none 'ops/ includes more than it may' "$(includes ops | grep 'cotangent/' | grep -v '^ops/list.c:.*/program.h$' |
    grep -vE 'cotangent/(context|tensor|autograd|op|ops|ops/[a-z_]+|kernels)\.h$')"
none 'autograd/ includes a layer above it' "$(includes autograd | grep 'cotangent' |
    grep -vE 'cotangent/(context|tensor|autograd|dlpack|functions|minimize|op|kernels|gradcheck|graph|program)\.h$')"
none 'mpi/ includes more than it may' "$(includes mpi | grep 'cotangent/' |
    grep -vE 'cotangent/(mpi|op)\.h$')"
none 'nn/ defines an operator' "$(grep -nE '\bct_op\b' nn/*/*.[ch])"
none 'uthash is seen outside of its wrapper' \
    "$(grep -ln 'uthash' autograd/*/* ops/*/* nn/*/* | grep -vE '^nn/modules/table\.h$|meson\.build$')"
none 'a file is over 500 lines' \
    "$(wc -l autograd/*/*.[ch] ops/*.[ch] ops/*/*.[ch] nn/*/*.[ch] mpi/*.[ch] | awk '$2 != "total" && $1 > 500')"
none 'a line is over 100 columns' \
    "$(grep -nE '^.{101}' autograd/*/*.[ch] ops/*.[ch] ops/*/*.[ch] ops/*/*.def nn/*/*.[ch] mpi/*.[ch] include/*.h include/*/*.h include/*/*/*.h)"
none 'an example is over 80 lines, or a line of it over 100 columns' \
    "$(wc -l docs/examples/*.c | awk '$2 != "total" && $1 > 80'; grep -nE '^.{101}' docs/examples/*.[ch])"
for file in docs/examples/*.c; do
    name=$(basename "$file" .c)
    holds "$name: no page, no output, or not in run and docs/examples/meson.build" \
        test -s "docs/examples/$name.md" -a -s "docs/examples/$name.txt" -a \
        -n "$(grep -w "$name" run)" -a -n "$(grep -F "'$name'" docs/examples/meson.build)"
done
none 'a program is over 150 lines, or a line of docs/programs over 100 columns' \
    "$(for name in $(cut -d ' ' -f 1 docs/programs/list); do
        awk -v file="docs/programs/$name/$name.c" 'END { if (NR > 150) print file ": " NR }' \
            "docs/programs/$name/$name.c"
    done; grep -nE '^.{101}' docs/programs/*/*.[ch])"
for name in $(cut -d ' ' -f 1 docs/programs/list); do
    holds "docs/programs/$name: no page, no output, or not in docs/programs/README.md" \
        test -s "docs/programs/$name/$name.md" -a -s "docs/programs/$name/$name.txt" -a \
        -n "$(grep -F "[$name]" docs/programs/README.md)"
done

for file in tests/slow/*.sh; do
    name=$(basename "$file" .sh)
    holds "$file: docs/testing.md has no row for it" \
        test -n "$(grep "^| \`$name\` |" docs/testing.md)"
done
none 'docs/testing.md has a part of ./run slow that is not there' \
    "$(sed -n '/^## Parts/,$s/^| `\([a-z0-9]*\)` .*/\1/p' docs/testing.md | while read -r name; do
        test -e "tests/slow/$name.sh" || echo "$name"
    done)"

for folder in autograd ops nn mpi; do
    for file in "$folder"/*.c "$folder"/*/*.c; do
        [ -e "$file" ] || continue
        if grep -qF "'$(basename "$file")'" "$folder/meson.build"; then
            ok
        else
            bad "$file is not in $folder/meson.build"
        fi
    done
done
for file in tests/mpi/*.c; do
    if grep -qF "'${file#tests/mpi/}'" tests/mpi/meson.build; then ok; else
        bad "$file is not in tests/mpi/meson.build"
    fi
done
for file in tests/autograd/*/*.c tests/ops/*.c tests/ops/*/*.c tests/nn/*.c tests/nn/*/*.c; do
    if grep -qF "${file#tests/}" tests/meson.build; then
        ok
    else
        bad "$file is not in tests/meson.build"
    fi
done
for header in include/cotangent/*.h include/cotangent/*/*.h; do
    if grep -qF "'${header#include/}'" include/meson.build; then
        ok
    else
        bad "$header is not installed"
    fi
done
for header in include/cotangent/ops/*.h; do
    name=ops/$(basename "$header")
    if grep -qF "<cotangent/$name>" include/cotangent/ops.h && grep -qF "\"$name\"" tests/support.c
    then
        ok
    else
        bad "$name is not included by ops.h, or tests/support.c does not list it"
    fi
done

# NAME, with two spaces behind it, begins a row of a table in nn.h or a header of nn/
rows=$(grep -hoE '^ +(\* +)?(ct_|CT_)[A-Za-z0-9_]+  ' include/cotangent/nn.h \
    include/cotangent/nn/*.h | tr -d ' *')
offered() {
    sed -nE 's/^ct_[a-z_]+ \*(ct_[a-z0-9_]+_new)\(.*/\1/p' include/cotangent/nn/*.h |
        grep -vx ct_module_new
    sed -nE 's/^(ct_tensor \*|double |ct_status )(ct_[a-z0-9_]+)\(.*/\2/p' \
        include/cotangent/nn/losses.h
    for enum in init update_rule schedule_kind transform_kind; do
        sed -n "/^typedef enum ct_$enum /,/^}/p" include/cotangent/*/*.h |
            grep -oE '\bCT_[A-Z0-9_]+' | grep -vx CT_INIT_DEFAULT
    done
}
for name in $(offered); do
    holds "$name: no row in a table of nn.h or nn/*.h" \
        test -n "$(echo "$rows" | grep -x "$name")"
done
verdict
