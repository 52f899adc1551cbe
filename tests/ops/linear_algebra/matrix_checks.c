#include "matrix_checks.h"

ct_tensor *random_matrix(ct_dtype dtype, int64_t rows, int64_t columns, uint64_t seed)
{
    ct_seed(cx, seed + 1);
    return ct_randn(cx, dtype, CT_SHAPE(rows, columns));
}

ct_tensor *positive_matrix(ct_dtype dtype, int64_t n, double shift)
{
    ct_tensor *x = random_matrix(CT_F64, n, n, 3);
    ct_tensor *a = ct_matmul(x, ct_transpose(x));
    return ct_cast(ct_add(a, ct_scale(ct_eye(cx, CT_F64, n), shift)), dtype);
}

ct_tensor *diagonal_matrix(ct_dtype dtype, const double *values, int n)
{
    ct_tensor *a = ct_zeros(cx, dtype, CT_SHAPE(n, n));
    for (int i = 0; i < n; i++)
        ct_set(a, CT_INDEX(i, i), values[i]);
    return a;
}

static double *numbers(ct_tensor *x)
{
    ck_assert_msg(x != NULL, "no tensor: %s", ct_error_text(cx));
    double *to = calloc((size_t)ct_count(x) + 1, sizeof *to);
    ck_assert_int_eq(ct_to_doubles(x, to, ct_count(x)), CT_OK);
    return to;
}

void expect_product(ct_tensor *a, ct_tensor *b, ct_tensor *c, double roundings)
{
    int64_t m = ct_size(a, 0), k = ct_size(a, 1), n = ct_size(b, 1);
    double *x = numbers(a), *y = numbers(b), *z = numbers(c);
    long double unit = ct_dtype_of(a) == CT_F32 ? 0x1p-24L : 0x1p-53L;
    ck_assert_int_eq(ct_count(c), m * n);
    for (int64_t i = 0; i < m * n; i++) {
        long double sum = -(long double)z[i], size = fabsl((long double)z[i]);
        for (int64_t j = 0; j < k; j++) {
            long double product = (long double)x[i / n * k + j] * y[j * n + i % n];
            sum += product;
            size += fabsl(product);
        }
        ck_assert_msg(fabsl(sum) <= roundings * unit * size, "element %lld is off by %Lg roundings",
                      (long long)i, fabsl(sum) / (unit * size));
    }
    free(x);
    free(y);
    free(z);
}

void expect_orthonormal(ct_tensor *x, double roundings)
{
    ct_tensor *wide = ct_cast(x, CT_F64), *product = ct_matmul(ct_transpose(wide), wide);
    double unit = ct_dtype_of(x) == CT_F32 ? 0x1p-24 : 0x1p-53;
    double off = ct_max_difference(product, ct_eye(cx, CT_F64, ct_size(x, 1)));
    ck_assert_msg(off <= roundings * unit, "%g roundings from orthonormal", off / unit);
}

void expect_right(ct_function f, void *user, ct_tensor *x)
{
    /* A gradient that is 0 comes out as rounding. The default atol is a part of the largest slope,
       and would be a part of that rounding. */
    const ct_gradcheck_options options = { .order = 2, .atol = 1e-9 };
    ct_gradcheck_report report;
    ct_verdict verdict = ct_gradcheck(cx, f, user, &x, 1, &options, &report);
    ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s; %s", ct_gradcheck_text(cx, &report),
                  ct_error_text(cx));
}

void expect_nan(ct_tensor *x)
{
    double *values = numbers(x);
    ck_assert_int_gt(ct_count(x), 0);
    for (int64_t i = 0; i < ct_count(x); i++)
        ck_assert_msg(isnan(values[i]), "element %lld is %g", (long long)i, values[i]);
    free(values);
}

void expect_matrix_by_matrix(ct_tensor *(*f)(ct_tensor *x), int64_t m, int64_t n)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(2, 3, m, n)), *y = f(x);
    for (int i = 0; i < 6; i++) {
        ct_tensor *one = f(ct_select(ct_select(x, 0, i / 3), 0, i % 3));
        ck_assert(ct_max_difference(ct_select(ct_select(y, 0, i / 3), 0, i % 3), one) == 0);
    }
    expect_ok();
}
