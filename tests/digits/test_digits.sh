#!/bin/sh
# test_digits.sh DIGITS: what the program promises, on a few images.
set -u
unset COTANGENT_DATA
digits=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0

# must WHAT COMMAND...: the command succeeds
must() {
    complaint=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s: %s\n--- out\n' "$what" "$complaint"
        cat out
        printf -- '--- err\n'
        cat err
    fi
}

not() {
    ! "$@"
}

# expect STATUS ARGUMENTS...: run, and compare the exit status
expect() {
    wanted=$1
    shift
    what="digits $*"
    "$digits" "$@" >out 2>err
    status=$?
    must "exit status $status, not $wanted" [ "$status" -eq "$wanted" ]
}

# says FILE TEXT...: each text is in the file
says() {
    file=$1
    shift
    for text; do
        must "does not say '$text'" grep -qF -e "$text" "$file"
    done
}

# refuses TEXT ARGUMENTS...: a usage error that says TEXT, before anything is done
refuses() {
    text=$1
    shift
    expect 2 "$@"
    says err "$text"
    must 'went on' [ ! -s out ]
}

ends_with_the_result() {
    tail -n 1 out >last
    must 'the last line is not the result' \
        grep -Eqx 'test error: [0-9]+\.[0-9]{2} % \([0-9]+ of [0-9]+\)' last
}

# -- Options
expect 0 --help
says out --epochs --batch --layers --activation --optimizer --rate --seed --threads --out --data \
    'Exit status'
refuses '--epoch: no such option' --epoch 3
refuses '--epochs: its value is missing' --epochs
for value in 0 -1 1001 3x '' 99999999999999999999; do
    refuses "--epochs: cannot use '$value'" --epochs "$value"
done
refuses "--batch: cannot use '0'" --batch 0
refuses "--seed: cannot use 'one'" --seed one
refuses "--threads: cannot use '-2'" --threads -2
refuses "--activation: cannot use 'rule'" --activation rule
refuses "--optimizer: cannot use 'lbfgs'" --optimizer lbfgs
for value in 0 -0.1 nan inf 1e999 0.1x ''; do
    refuses "--rate: cannot use '$value'" --rate "$value"
done
for value in '' 0 '128,' ',128' '128,,64' 128x '128;64' -5 '1,2,3,4,5,6,7,8,9'; do
    refuses "--layers: cannot use '$value'" --layers "$value"
done

# -- A run: its report, and the same again
run() {
    expect 0 --train 300 --test 100 --epochs 2 --out first --layers 32,16 --optimizer adam \
        --activation tanh "$@"
    sed -e 's/[0-9.]* s)*$//' out >results
}
run
mv results once
says out '300 images to learn from, 100 to be tested on' 'gradient check: pass' 'epoch   2 of 2' \
    'first/report.html'
ends_with_the_result
percent=$(sed -n 's/^test error: \(.* %\) .*/\1/p' out)
wrong=$(sed -n 's/^test error: .*(\(.*\) of .*/\1/p' out)
says first/report.html '</html>' '<svg' '784–32–16–10' 'The worst mistakes' \
    'prefers-color-scheme' "$percent"
must 'the last epoch and the last line differ' grep -q "^epoch   2 .*test error $percent " out
must 'not a picture of each of the worst mistakes, two more' \
    [ "$(grep -o 'data:image/png' first/report.html | wc -l)" -eq $((2 + (wrong < 24 ? wrong : 24))) ]
must 'the report needs other files' not grep -qE 'https?:|<script|<link|url\(' first/report.html
run --threads 2
must 'not the same again with two threads' cmp -s once results
run --replay
must 'not the same again with steps that are replayed' cmp -s once results
run --seed 2
must 'the same with another seed' not cmp -s once results

expect 0 --train 300 --test 100 --epochs 1 --out linear --layers none --optimizer momentum
says linear/report.html '784–10' '10 of 10 units'
expect 0 --train 100 --test 100 --epochs 40 --optimizer adam
says out 'epoch  40 of 40  loss 0.0'
must 'it was tested on what it had learned' not grep -q '^test error: 0.00' out
expect 1 --train 300 --test 100 --out diverged --rate 1e30
says err 'try a smaller --rate'

# -- Folders
: >file
for folder in file/below file nowhere/below; do
    expect 1 --out "$folder"
    says err "$folder/report.html"
    must 'went on before it said so' [ ! -s out ]
done
expect 1 --data nowhere
says err 'nowhere has no file train-images-idx3-ubyte'

# IDX files, of gray images and of zeros: images FILE COUNT SIDE, labels FILE COUNT
byte() {
    # shellcheck disable=SC2059 # an escape
    printf "\\$(printf %03o "$1")"
}
images() {
    { printf '\000\000\010\003\000\000\000'; byte "$2"; printf '\000\000\000'; byte "$3"
      printf '\000\000\000'; byte "$3"; head -c $(($2 * $3 * $3)) /dev/zero | tr '\000' '\200'; } >"$1"
}
labels() {
    { printf '\000\000\010\001\000\000\000'; byte "$2"; head -c "$2" /dev/zero; } >"$1"
}
mkdir -p folder/mnist
images folder/mnist/train-images-idx3-ubyte 40 28
labels folder/mnist/train-labels-idx1-ubyte 40
images folder/mnist/t10k-images-idx3-ubyte 20 27
expect 1 --data folder
says err 't10k-images-idx3-ubyte: its images are not 28 x 28'
images folder/mnist/t10k-images-idx3-ubyte 0 28
expect 1 --data folder
says err 't10k-images-idx3-ubyte: it holds no image'
images folder/mnist/t10k-images-idx3-ubyte 20 28
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
expect 1 --data nowhere
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
must "exit status $status, not 130" [ "$status" -eq 130 ]
ends_with_the_result
says stopped/report.html 'ended early by Ctrl-C' '</html>'

printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
