#!/bin/sh
# test_onefile.sh ROOT CC CXX PYTHON: cotangent.c and cotangent.h, which embed/onefile.py makes, are
# the same each time; user.c compiles with them alone, and finds what it finds with the library.
# Compiling without optimization and for one kind of processor takes a third of the time; with all,
# the suites run against it in ./run slow embedding.
set -u
root=$1 cc=$2 cxx=$3 python=$4
# shellcheck source=../house/check.sh
. "$root/tests/house/check.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

holds 'onefile.py' "$python" "$root/embed/onefile.py" "$work/one"
holds 'onefile.py, from elsewhere' sh -c "cd '$work' && '$python' '$root/embed/onefile.py' two"
holds 'made twice, the files differ' diff -rq "$work/one" "$work/two"
holds 'names.py: members stay' "$python" -c '
import sys
sys.path.insert(0, sys.argv[1])
from names import Names
text = """struct s { int x; };
static int x(void);
int y = offsetof(struct s, x) + ((struct s){ .x = 1 }).x + x();
"""
names = Names()
names.unit("a/a.c", text, [])
names.unit("b/b.c", "static int x;", [])
want = text.replace("int x(void)", "int a__x(void)").replace("+ x()", "+ a__x()")
if names.renamed(text, "a/a.c") != want:
    sys.exit(names.renamed(text, "a/a.c"))' "$root/embed"

printf 'slope 3.000000\nd(x^3/3)/dx at 2: 4\n' >"$work/expected"
cd "$work/one" || exit 1
cp "$root/tests/install/user.c" "$root/tests/install/user.cpp" .
compile="$cc -O0 -std=c11 -DCT_NO_SIMD -DCT_NO_GRADCHECK -DCT_NO_GRAPH"
# shellcheck disable=SC2086 # words
if $compile -c cotangent.c && $compile -I. user.c cotangent.o -o user -lm -lpthread &&
    ./user >out && diff ../expected out; then
    ok
else
    bad 'user.c with cotangent.c'
fi
holds 'programs as C' "$root/tests/install/test_emit.sh" "$root" . cotangent.o "$compile" 1 'waves adam'
for part in NN GRADCHECK GRAPH; do
    # shellcheck disable=SC2086 # words
    holds "with CT_NO_$part" $cc -std=c11 -Werror "-DCT_NO_$part" -I. -fsyntax-only \
        "$root/tests/install/core.c"
done
# shellcheck disable=SC2086 # words
holds 'with all parts left out' $cc -std=c11 -Werror -DCT_NO_NN -DCT_NO_GRADCHECK -DCT_NO_GRAPH \
    -DCT_NO_SIMD -fsyntax-only cotangent.c
# shellcheck disable=SC2086 # words
holds 'cotangent.h from C++17' $cxx -std=c++17 -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only \
    user.cpp
# shellcheck disable=SC2086 # words
holds 'cotangent_kernels.h' $cc -std=c11 -Wall -Wextra -Wpedantic -Werror -I. \
    -I"$root/tests/install" -fsyntax-only "$root/tests/install/kernels.c"
verdict
