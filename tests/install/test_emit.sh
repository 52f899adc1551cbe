#!/bin/bash
# test_emit.sh ROOT FOLDER OBJECT COMPILE SIMDS NAMES: programs that emit.c writes, each cut into one
# file, are compiled alone, and give the bits of replays, with each of these kinds of kernels. FOLDER
# has what onefile.py wrote, and OBJECT is that as the command COMPILE makes it.
set -u
root=$1 one=$2 object=$3 compile=$4 simds=$5 names=$6
# shellcheck source=../house/check.sh
. "$root/tests/house/check.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1

# make NAME: NAME.c is cut, and compiled alone
make() {
    # shellcheck disable=SC2086 # words
    python3 "$root/embed/cut.py" "$one" "$work/$1.c" "$work/cut_$1.c" $compile &&
        $compile -Wall -Wextra -Werror -c "$work/cut_$1.c" -o "$work/$1.o" &&
        cp "$work/$1.c" "$work/$1.made"
}

# run NAME: with what compares
run() {
    # shellcheck disable=SC2086 # words
    $compile "$work/$1.o" "$work/$1_main.c" -o "$work/$1" -lm -lpthread && "$work/$1"
}

# stops MESSAGE OPTION...: with these options the last of the files does not compile, and says why
stops() {
    local message=$1
    shift
    # shellcheck disable=SC2086 # words
    $compile "$@" -fsyntax-only "$work/cut_$name.c" 2>&1 | grep -q "$message"
}

# shellcheck disable=SC2086 # words
holds 'emit.c' $compile -I"$one" "$root/tests/install/emit.c" "$object" -lm -lpthread -o "$work/emit"
for simd in $simds; do
    # shellcheck disable=SC2086 # words
    holds "programs are written, kernels $simd" "$work/emit" "$work" "$simd" $names
    for name in $names; do
        # after a step of training, the parameters are those that these kernels find
        cmp -s "$work/$name.c" "$work/$name.made" || holds "$name is made" make "$name"
        holds "$name, kernels $simd" run "$name"
    done
done
case $compile in
*clang*) holds 'for this compiler only' stops 'cut for another compiler' -U__clang__ ;;
*) holds 'for this compiler only' stops 'cut for another compiler' -D__clang__ ;;
esac
# shellcheck disable=SC2086 # words
holds 'without memory' sh -c "$compile -Dmain=runs -c '$work/${name}_main.c' -o '$work/runs.o' &&
    $compile -Wl,--wrap=posix_memalign -Wl,--wrap=free '$root/tests/install/emit_faults.c' \
        '$work/runs.o' '$work/$name.o' -lm -lpthread -o '$work/faults' && '$work/faults' >'$work/errors'"
holds 'for this byte order only' stops 'a machine of another byte order' \
    -U__ORDER_BIG_ENDIAN__ -D__ORDER_BIG_ENDIAN__=__ORDER_LITTLE_ENDIAN__
# shellcheck disable=SC2086 # words
holds 'all of them, and the library, in one program' $compile -nostdlib -r "$object" \
    $(printf " $work/%s.o" $names) -o "$work/all.o"
verdict
