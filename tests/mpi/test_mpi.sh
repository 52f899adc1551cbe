#!/bin/sh
# test_mpi.sh PROGRAM NAMES MPIRUN ...: the tests of these names, "" for all, on ranks started so.
# Under a sanitizer leaks of MPI's own are not looked at.
set -u
program=$1 names=$2
shift 2
ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
OMPI_MCA_btl_vader_single_copy_mechanism=none # a container may forbid it
OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_mpi_yield_when_idle=1
export ASAN_OPTIONS OMPI_MCA_btl_vader_single_copy_mechanism OMPI_MCA_rmaps_base_oversubscribe
export OMPI_MCA_mpi_yield_when_idle
# shellcheck disable=SC2086 # words
exec "$@" "$program" $names
