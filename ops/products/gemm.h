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

/* how a product is computed */
typedef enum ct__gemm_form {
    CT__TILES,      /* tiles of C, each kept in registers */
    CT__TURNED,     /* tiles of C^T = B^T A^T, which is transposed at the end */
    CT__DOTS,       /* dot products of rows of A and columns of B */
    CT__ROW,        /* C is one row: a sum of rows of B */
    CT__NARROW_ROW  /* the same, of so few columns that registers hold their sums */
} ct__gemm_form;

typedef struct ct__gemm_plan {
    const struct ct__gemm_kernels *kernels;
    ct__gemm_form form;
    bool is_column;        /* C is one: it is computed as a row, of the transposed product */
    int64_t rows, columns; /* C is cut into parts of this size */
    int64_t parts;
    int64_t chunk;         /* so many products of numbers are added up plainly */
    size_t room;           /* bytes of scratch of each part */
} ct__gemm_plan;

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
    ct__gemm_plan plan;       /* ct__gemm_plan_for's */
} ct__gemm;

/* The plan depends on all but data, bias and c, and serves any of these; the bytes of scratch that
 * it takes, 64-byte aligned. A product is planned, then run; within a call, at once. */
size_t ct__gemm_plan_for(ct__gemm *g);
void ct__gemm_run(const ct__gemm *g, void *scratch);
ct_status ct__gemm_call(const ct_call *call, ct__gemm *g); /* sets simd and cx; out of memory */
#endif
