/* For tests of operators that move elements: which element of x is where in y, and whether the
 * cotangent goes back the same way. */
#ifndef MOVED_H
#define MOVED_H
#include "support.h"

/* a variable x = 1, 2, 3, ...: so a value says which element it is, and 0 that it is none */
static inline ct_tensor *numbered(const int64_t *shape, int ndim)
{
    int64_t n = 1;
    for (int d = 0; d < ndim; d++)
        n *= shape[d];
    ct_tensor *x = ct_reshape(ct_shift(ct_range(cx, CT_F64, n), 1), shape, ndim);
    return ct_variable(ct_contiguous(ct_detach(x)));
}

/* y is made of elements of x (numbered) and zeros: so gx_i is the sum of gy_j over all j with
 * y_j = x_i, in the walk by kernels and in the one that is recorded. */
static inline void expect_gradient(ct_tensor *y, ct_tensor *x)
{
    ck_assert_msg(y != NULL, "no tensor: %s", ct_error_text(cx));
    int n = (int)ct_count(x), m = (int)ct_count(y);
    double *want = calloc((size_t)n + 1, sizeof *want), *at = calloc((size_t)m + 1, sizeof *at);
    double *g = calloc((size_t)m + 1, sizeof *g);
    ct_tensor *gy = ct_randn(cx, CT_F64, ct_shape(y), ct_ndim(y)), *gx[2];
    ct_to_doubles(y, at, m), ct_to_doubles(gy, g, m);
    for (int j = 0; j < m; j++)
        want[at[j] > 0 ? (int)at[j] - 1 : n] += g[j];
    for (unsigned k = 0; k < 2; k++) {
        ck_assert_int_eq(ct_grad(y, gy, &x, 1, k ? CT_CREATE_GRAPH : 0, &gx[k]), CT_OK);
        expect_values(gx[k], want, n, 1e-14);
    }
    free(want), free(at), free(g);
}

static inline bool shares(const ct_tensor *y, const ct_tensor *x)
{
    return ct_data(y) == ct_data(x);
}
#endif
