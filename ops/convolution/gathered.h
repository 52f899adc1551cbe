/* A product of matrices, c = or += a b, of which a is never made: its element (i, k) is
 * x[rows[i] + columns[k]]. */
#ifndef CT__GATHERED_H
#define CT__GATHERED_H
#include <cotangent/op.h>

typedef struct ct__gathered {
    const float *x;
    const int32_t *rows, *columns;
    int64_t m, k, n;      /* c has m rows, b has k, both of n numbers, a multiple of 16 */
    const float *b;
    float *c;
    bool adds;
} ct__gathered;

typedef struct ct__gathered_kernels {
    void (*multiply)(const ct__gathered *g);
} ct__gathered_kernels;

/* for f32; NULL: there are none */
const ct__gathered_kernels *ct__gathered_for(const ct_tensor *x);
#endif
