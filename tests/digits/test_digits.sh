#!/bin/sh
# test_digits.sh DIGITS: what the program promises, on a few images.
set -u
unset COTANGENT_DATA
digits=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

complain() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n--- out\n%s\n--- err\n%s\n' "$1" "$(cat out)" "$(cat err)"
}

# expect STATUS ARGUMENTS...: run, and compare the exit status
expect() {
    wanted=$1
    shift
    "$digits" "$@" >out 2>err
    status=$?
    what="digits $*"
    [ "$status" -eq "$wanted" ] || complain "$what: exit status $status, not $wanted"
}

# says FILE TEXT...: each text is in the file
says() {
    file=$1
    shift
    for text; do
        grep -qF -e "$text" "$file" || complain "$what: does not say '$text'"
    done
}

# refuses TEXT ARGUMENTS...: a usage error that says TEXT, before anything is done
refuses() {
    text=$1
    shift
    expect 2 "$@"
    says err "$text"
    [ -s out ] && complain "$what: went on"
}

last_line_is_the_result() {
    tail -n 1 out | grep -Eq '^test error: [0-9]+\.[0-9]{2} % \([0-9]+ of [0-9]+\)$' ||
        complain "$what: the last line is not the result"
}

few="--train 300 --test 100 --epochs 2"

# -- Options
expect 0 --help
says out --epochs --batch --layers --activation --optimizer --rate --seed --threads --out --data \
    'Exit status'
refuses '--epoch: no such option' --epoch 3
refuses '--epochs: its value is missing' --epochs
for value in 0 -1 1001 3x '' 99999999999999999999; do
    refuses "--epochs: cannot use" --epochs "$value"
done
refuses '--batch: cannot use 0' --batch 0
refuses '--seed: cannot use one' --seed one
refuses '--threads: cannot use -2' --threads -2
refuses '--activation: cannot use rule' --activation rule
refuses '--optimizer: cannot use lbfgs' --optimizer lbfgs
for value in 0 -0.1 nan inf 1e999 0.1x ''; do
    refuses '--rate: cannot use' --rate "$value"
done
for value in '' 0 128, ,128 128,,64 128x -5 1,2,3,4,5,6,7,8,9; do
    refuses '--layers: cannot use' --layers "$value"
done

# -- A run: its report, and the same again
expect 0 $few --out first --layers 32,16 --optimizer adam --activation tanh
says out '300 images to learn from, 100 to be tested on' 'gradient check: pass' 'epoch   2 of 2' \
    'first/report.html'
last_line_is_the_result
says first/report.html '</html>' '<svg' 'data:image/png;base64,' '784–32–16–10' \
    'The worst mistakes' 'prefers-color-scheme' "$(sed -n 's/^test error: \(.* %\) .*/\1/p' out)"
grep -qE 'https?:|<script|<link|url\(' first/report.html && complain "$what: report needs others"
results() { sed -e 's/[0-9.]* s)*$//' -e '/^pictures/d' -e '/^gradient check/d' out; }
results >once
expect 0 $few --out first --layers 32,16 --optimizer adam --activation tanh --threads 2
results | cmp -s once - || complain "$what: not the same again with two threads"
expect 0 $few --out first --layers 32,16 --optimizer adam --activation tanh --seed 2
results | cmp -s once - && complain "$what: the same with another seed"
expect 0 $few --out linear --layers none --optimizer momentum
says linear/report.html '784–10' '10 of 10 units'
expect 1 $few --rate 1e30
says err 'try a smaller --rate'

# -- Folders
: >file
expect 1 --out file/below
says err 'file/below/report.html'
[ -s out ] && complain "$what: went on before it said so"
expect 1 --out file
says err 'file/report.html'
expect 1 $few --data nowhere
says err 'nowhere has no file train-images-idx3-ubyte'

# images FILE COUNT and labels FILE COUNT: IDX files, of zeros
byte() {
    printf "\\$(printf %03o "$1")"
}
images() {
    { printf '\000\000\010\003\000\000\000'; byte "$2"
      printf '\000\000\000\034\000\000\000\034'; head -c $(($2 * 784)) /dev/zero; } >"$1"
}
labels() {
    { printf '\000\000\010\001\000\000\000'; byte "$2"; head -c "$2" /dev/zero; } >"$1"
}
mkdir -p folder/mnist
images folder/mnist/train-images-idx3-ubyte 40
labels folder/mnist/train-labels-idx1-ubyte 40
images folder/mnist/t10k-images-idx3-ubyte 20
expect 1 --data folder
says err 'folder has no file t10k-labels-idx1-ubyte'
labels folder/mnist/t10k-labels-idx1-ubyte 21
expect 1 --data folder
says err 't10k-labels-idx1-ubyte: not one label for each image'
labels folder/mnist/t10k-labels-idx1-ubyte 20
COTANGENT_DATA=folder
export COTANGENT_DATA
expect 0 --epochs 1
says out 'folder: 40 images to learn from, 20 to be tested on' 'test error: 0.00 % (0 of 20)'
says digits-out/report.html 'every test image was read right'
unset COTANGENT_DATA

# -- Ctrl-C in the middle
what='digits, interrupted'
"$digits" --train 2000 --test 100 --epochs 1000 --out stopped >out 2>err &
process=$!
for _ in $(seq 600); do
    grep -q '^epoch ' out && break
    sleep 0.1
done
kill -INT "$process"
wait "$process"
status=$?
[ "$status" -eq 130 ] || complain "$what: exit status $status, not 130"
last_line_is_the_result
says stopped/report.html 'ended early by Ctrl-C' '</html>'

[ "$failures" -eq 0 ]
