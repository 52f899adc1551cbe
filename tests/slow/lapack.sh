# shellcheck shell=bash disable=SC2034,SC2154 # run reads this file, and uses what it sets
# Factorizations without LAPACK, with sanitizers, and by LAPACK for all sizes.
need_test_tools liblapack-dev
factorizations=(cholesky solve det qr eigh svd matrix_exp operators determinism)
if prepare plain gcc "${sanitize[@]}" -Dlapack=disabled; then
    step "without LAPACK" sanitized "${factorizations[@]}"
fi
if prepare lapack gcc -Dlapack=enabled -Dc_args=-DCT_LAPACK_FROM=1; then
    step "by LAPACK" try all "${factorizations[@]}"
fi
