# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# Products by OpenBLAS and by BLIS, of all sizes, agree with what the tests expect.
need_test_tools libopenblas-serial-dev libblis-serial-dev
for blas in openblas blis; do
    path=$(dirname "$(has_library "$blas-serial/lib$blas.so")")
    export LIBRARY_PATH=$path LD_LIBRARY_PATH=$path
    if prepare "$blas" gcc "-Dblas=$blas" -Dc_args=-DCT_BLAS_FROM=1; then
        step "$blas" try all gemm matmul training repeatable
    fi
done
unset LIBRARY_PATH LD_LIBRARY_PATH
