#!/bin/sh
# test_corpus.sh REPLAY TARGET: the target with its corpus, corpus/TARGET/
exec "$1" "$2" "$(dirname "$0")/corpus/$2"/*
