/* An operator of one's own around a routine of LAPACK: equations with a symmetric tridiagonal
 * matrix, solved in the time of their length. Derived in lapack_operator.md. */
#include <cotangent.h>
#include <stdio.h>
void dptsv_(const int *n, const int *nrhs, double *d, double *e, double *b, const int *ldb, int *i);

/* y = T^-1 b; T has d (n) on its diagonal, e (n-1) above and below; b is (n). Defined below */
static const ct_op tridiagonal;

static ct_status tridiagonal_infer(ct_call *call)
{
    int64_t n = ct_size(ct_call_x(call, 0), -1), size[] = { n, n - 1, n };
    for (int i = 0; i < 3; i++)
        if (ct_dtype_of(ct_call_x(call, i)) != CT_F64)
            return ct_call_fail(call, CT_ERROR_DTYPE, "d, e and b must be f64");
        else if (ct_ndim(ct_call_x(call, i)) != 1 || ct_size(ct_call_x(call, i), 0) != size[i])
            return ct_call_fail(call, CT_ERROR_SHAPE, "d, e and b must be (n), (n-1) and (n)");
    return ct_call_set_y(call, 0, CT_F64, &n, 1);
}

static ct_status tridiagonal_forward(ct_call *call)     /* dptsv overwrites d and e, and b by y */
{
    int n = (int)ct_count(ct_call_y(call, 0)), one = 1, info = 0;
    double *d = ct_call_scratch(call, 2 * sizeof(double) * (size_t)n), *e = d + n;
    double *y = ct_data_mutable(ct_call_y(call, 0));
    if (!d || ct_to_doubles(ct_call_x(call, 0), d, n) ||
        ct_to_doubles(ct_call_x(call, 1), e, n - 1) || ct_to_doubles(ct_call_x(call, 2), y, n))
        return CT_ERROR_MEMORY;
    dptsv_(&n, &one, d, e, y, &n, &info);
    return info == 0 ? CT_OK : ct_call_fail(call, CT_ERROR_VALUE,
        "the matrix must be positive definite, and its first %d rows are not", info);
}

/* gb = T^-1 g, gd_i = -gb_i y_i, ge_i = -gb_i y_i+1 - gb_i+1 y_i */
static ct_status tridiagonal_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *d = ct_call_x(call, 0), *e = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    ct_tensor *gb = ct_apply(&tridiagonal, NULL, CT_TENSORS(d, e, gy[0]));
    ct_tensor *above = ct_mul(ct_slice(gb, 0, 0, -1, 1), ct_slice(y, 0, 1, CT_END, 1));
    ct_tensor *below = ct_mul(ct_slice(gb, 0, 1, CT_END, 1), ct_slice(y, 0, 0, -1, 1));
    gx[0] = ct_neg(ct_mul(gb, y)), gx[1] = ct_neg(ct_add(above, below)), gx[2] = gb;
    return CT_OK;
}

static int tridiagonal_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    int64_t n = k == 0 ? 5 : 1;
    (void)attributes;
    x[0] = ct_shift(ct_rand(cx, CT_F64, &n, 1), 2), x[1] = ct_rand(cx, CT_F64, CT_SHAPE(n - 1));
    x[2] = ct_randn(cx, CT_F64, &n, 1);
    return k < 2 ? 3 : 0;
}

static const ct_op tridiagonal = {
    .name = "tridiagonal", .inputs = 3, .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_Y(0),
    .infer = tridiagonal_infer, .forward = tridiagonal_forward, .vjp = tridiagonal_vjp,
    .sample = tridiagonal_sample };

int main(void)
{
    enum { CELLS = 1000, NODES = CELLS - 1 };           /* of a rod of length 1 */
    ct_context *cx = ct_context_new(NULL);
    ct_verdict verdict = ct_gradcheck_op(cx, &tridiagonal,
                                         &(ct_gradcheck_options){ .order = 2 }, NULL);
    ct_tensor *k = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(CELLS)));
    ct_tensor *d = ct_add(ct_slice(k, 0, 0, -1, 1), ct_slice(k, 0, 1, CT_END, 1));
    ct_tensor *e = ct_neg(ct_slice(k, 0, 1, -1, 1)), *heat = ct_ones(cx, CT_F64, CT_SHAPE(NODES));
    ct_tensor *u = ct_apply(&tridiagonal, NULL, CT_TENSORS(d, e, heat));
    ct_tensor *mean = ct_scale(ct_sum(u), 1.0 / CELLS / CELLS / CELLS);
    ct_backward(mean);
    printf("check at order 2: %s\nmean of u: %.6f\n", ct_verdict_text(verdict), ct_item(mean));
    ct_tensor *x = ct_scale(ct_shift(ct_range(cx, CT_F64, CELLS), 0.5), 1.0 / CELLS);
    ct_tensor *g = ct_scale(ct_gradient(k), CELLS), *formula = ct_neg(ct_square(ct_rsub(0.5, x)));
    printf("lapack_operator: its derivative by k at x is %s -(1/2 - x)^2\n",
           ct_max_difference(g, formula) < 1e-10 ? "everywhere" : "not");
    if (ct_error(cx))
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return verdict != CT_GRADCHECK_PASS;
}
