/* The one product of matrices: C = A B, + C or + a bias, and an activation on top. */
#ifndef CT__GEMM_H
#define CT__GEMM_H
#include "activation.h"

/* Element (i, j) lies at data[i * row + j * col]. Strides may be 0 or negative; exchanging the two
 * transposes the matrix. */
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
    bool is_column;        /* C is one column, and is computed as a row of the transposed product */
    int64_t rows, columns; /* C is cut into parts of this size */
    int64_t parts;
    int64_t chunk;         /* deeper products are cut into chunks of this depth */
    size_t room;           /* bytes of scratch of each part */
} ct__gemm_plan;

/* A is (m,k), B is (k,n). C is (m,n), the elements of a row next to each other, and overlaps
 * neither. Each of m, n, k may be 0; with k = 0 the sums are 0. */
typedef struct ct__gemm {
    ct_dtype dtype;           /* f32 or f64 */
    int64_t m, n, k;
    ct__matrix a, b;
    void *c;
    int64_t c_row;
    bool adds;                /* adds to what C holds; then there is no bias and no activation */
    const void *bias;         /* n numbers that are added to every row; or NULL */
    ct_activation activation; /* applied to C at the end; one that ct__activation_fuses */
    bool packed;              /* b.data is what ct__gemm_pack made of B */
    ct_simd simd;             /* the kernels to use, which the machine must have */
    ct_context *cx;           /* the context whose threads help; NULL: the caller's alone */
    ct__gemm_plan plan;       /* set by ct__gemm_plan_for */
} ct__gemm;

/* A product is planned, then run, as often as wanted: the plan depends on all fields but a.data,
 * b.data, bias and c. Returns how many bytes of scratch a run needs, 64-byte aligned. */
size_t ct__gemm_plan_for(ct__gemm *g);
void ct__gemm_run(const ct__gemm *g, void *scratch);
/* For one B in many products with few rows: packs it once, as every product would, into `to`, which
 * has ct__gemm_pack_bytes, and makes it g's B. It is for where ct__gemm_packs says so: m, of this
 * and all other products, is 4 or more, and k is not too large. simd must be set; cx is NULL. */
bool ct__gemm_packs(const ct__gemm *g);
size_t ct__gemm_pack_bytes(const ct__gemm *g);
void ct__gemm_pack(ct__gemm *g, void *to);
/* Sets simd and cx, plans, and runs with scratch from the call; fails when out of memory. */
ct_status ct__gemm_call(const ct_call *call, ct__gemm *g);
#endif
