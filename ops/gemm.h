/* The one product of matrices: C = A B, + C or + a bias, and an activation on top. */
#ifndef CT__GEMM_H
#define CT__GEMM_H
#include "activation.h"

/* element (i, j) lies i row + j col elements behind the first. Strides may be 0 or negative;
 * exchanging them transposes */
typedef struct ct__matrix {
    const void *data;
    int64_t row, col;
} ct__matrix;

/* A is (m,k), B (k,n), C (m,n) with its columns side by side, overlapping neither. Each of m, n, k
 * may be 0; over k = 0 the sum is 0 */
typedef struct ct__gemm {
    ct_dtype dtype;           /* f32 or f64 */
    int64_t m, n, k;
    ct__matrix a, b;
    void *c;
    int64_t c_row;
    bool adds;                /* to what C holds; without bias and activation */
    const void *bias;         /* n of them, side by side, added to every row; or NULL */
    ct_activation activation; /* one that ct__activation_fuses */
    ct_simd simd;             /* kernels no wider than this, which the machine has */
    ct_context *cx;           /* whose threads help; NULL: none */
} ct__gemm;

size_t ct__gemm_scratch(const ct__gemm *g); /* bytes; depends on sizes, strides and cx only */
void ct__gemm_run(const ct__gemm *g, void *scratch); /* 64-byte aligned, or NULL for 0 bytes */
#endif
