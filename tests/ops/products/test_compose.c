/* ops/products/compose.c: values against plain sums and NumPy's, gradients by the checker, messages. */
#include "support.h"

#define NUMBERS(shape, ...)                                                                     \
    ct_reshape(ct_from_doubles(cx, CT_F64, CT_SHAPE(sizeof((double[]){ __VA_ARGS__ }) / sizeof(double)), \
                               CT_DOUBLES(__VA_ARGS__)), shape)

START_TEST(outer)
{
    ct_tensor *y = ct_outer(NUMBERS(CT_SHAPE(2), 1, -2), NUMBERS(CT_SHAPE(3), 3, 0, 5));
    expect_shape(y, CT_SHAPE(2, 3));
    expect_values(y, CT_DOUBLES(3, 0, 5, -6, 0, -10), 0);
}
END_TEST

START_TEST(kron)
{
    ct_tensor *a = NUMBERS(CT_SHAPE(2, 2), 1, 2, 3, 4), *b = NUMBERS(CT_SHAPE(1, 2), 0, 5);
    ct_tensor *y = ct_kron(a, b);
    expect_shape(y, CT_SHAPE(2, 4));
    expect_values(y, CT_DOUBLES(0, 5, 0, 10, 0, 15, 0, 20), 0);
    y = ct_kron(NUMBERS(CT_SHAPE(2), 1, 2), NUMBERS(CT_SHAPE(2, 1), 3, 5)); /* (1,2) and (2,1) */
    expect_shape(y, CT_SHAPE(2, 2));
    expect_values(y, CT_DOUBLES(3, 6, 5, 10), 0);
    expect_shape(ct_kron(ct_ones(cx, CT_F64, CT_SHAPE(2, 1, 3, 2)), a), CT_SHAPE(2, 1, 6, 4));
}
END_TEST

START_TEST(cross)
{
    ct_tensor *a = NUMBERS(CT_SHAPE(3), 1, 2, 3), *b = NUMBERS(CT_SHAPE(3), -4, 0.5, 6);
    expect_values(ct_cross(a, b, -1), CT_DOUBLES(10.5, -18, 8.5), 0);
    ct_tensor *rows = ct_stack(CT_TENSORS(a, b), 0), *one = ct_reshape(b, CT_SHAPE(1, 3));
    expect_values(ct_cross(rows, one, 1), CT_DOUBLES(10.5, -18, 8.5, 0, 0, 0), 0);
    expect_values(ct_cross(ct_transpose(rows), ct_transpose(one), 0),
                  CT_DOUBLES(10.5, 0, -18, 0, 8.5, 0), 0);
}
END_TEST

START_TEST(trace)
{
    ct_tensor *x = ct_reshape(ct_range(cx, CT_F64, 12), CT_SHAPE(2, 2, 3));
    expect_values(ct_trace(x), CT_DOUBLES(0 + 4, 6 + 10), 0);
    expect_values(ct_trace(ct_zeros(cx, CT_F64, CT_SHAPE(0, 3))), CT_DOUBLES(0), 0);
}
END_TEST

START_TEST(tensordot)
{
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 4)), *b = ct_randn(cx, CT_F64, CT_SHAPE(4, 3, 5));
    ct_tensor *y = ct_tensordot(a, b, (int64_t[]){ -1, 1 }, (int64_t[]){ 0, 1 }, 2);
    expect_close(y, ct_einsum("abc,cbd->ad", CT_TENSORS(a, b)), 8);
    expect_shape(y, CT_SHAPE(2, 5));
    y = ct_tensordot(ct_select(a, 0, 0), ct_select(b, 0, 0), NULL, NULL, 0);
    expect_close(y, ct_einsum("ab,cd->abcd", CT_TENSORS(ct_select(a, 0, 0), ct_select(b, 0, 0))), 0);
    ct_tensor *m = ct_select(a, 0, 0), *n = ct_select(b, 1, 0);
    expect_close(ct_tensordot(m, n, (int64_t[]){ 1 }, (int64_t[]){ 0 }, 1), ct_matmul(m, n), 0);
}
END_TEST

START_TEST(bilinear)
{
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(5, 2)), *b = ct_randn(cx, CT_F64, CT_SHAPE(5, 3));
    ct_tensor *w = ct_randn(cx, CT_F64, CT_SHAPE(4, 2, 3)), *bias = ct_randn(cx, CT_F64, CT_SHAPE(4));
    ct_tensor *y = ct_bilinear(a, b, w, bias);
    expect_shape(y, CT_SHAPE(5, 4));
    for (int64_t n = 0; n < 5; n++)
        for (int64_t k = 0; k < 4; k++) {
            double want = ct_at(bias, CT_INDEX(k));
            for (int64_t i = 0; i < 2; i++)
                for (int64_t j = 0; j < 3; j++)
                    want += ct_at(a, CT_INDEX(n, i)) * ct_at(w, CT_INDEX(k, i, j)) *
                            ct_at(b, CT_INDEX(n, j));
            ck_assert_double_eq_tol(ct_at(y, CT_INDEX(n, k)), want, 1e-13);
        }
    expect_close(ct_add(ct_bilinear(a, b, w, NULL), bias), y, 2);
    expect_shape(ct_bilinear(ct_select(a, 0, 0), ct_select(b, 0, 0), w, NULL), CT_SHAPE(4));
}
END_TEST

/* -- Derivatives, to second order */
typedef ct_tensor *(*pair)(ct_tensor *a, ct_tensor *b);

static ct_tensor *of_pair(ct_context *c, ct_tensor *const *x, int n, void *f)
{
    (void)c, (void)n;
    return (*(pair *)f)(x[0], x[1]);
}

static ct_tensor *cross_of(ct_tensor *a, ct_tensor *b)
{
    return ct_cross(a, b, 1);
}

static ct_tensor *tensordot_of(ct_tensor *a, ct_tensor *b)
{
    return ct_tensordot(a, b, (int64_t[]){ 1 }, (int64_t[]){ 1 }, 1);
}

static ct_tensor *bilinear_of(ct_tensor *a, ct_tensor *b)
{
    ct_tensor *w = ct_reshape(ct_linspace(ct_context_of(a), CT_F64, -1, 1, 18), CT_SHAPE(2, 3, 3));
    return ct_bilinear(a, b, w, NULL);
}

static ct_tensor *outer_of(ct_tensor *a, ct_tensor *b)
{
    return ct_outer(ct_select(a, 0, 0), ct_select(b, 0, 1));
}

static ct_tensor *trace_of(ct_tensor *a, ct_tensor *b)
{
    return ct_trace(ct_mul(a, b));
}

START_TEST(derivatives)
{
    pair functions[] = { ct_kron, cross_of, tensordot_of, bilinear_of, outer_of, trace_of };
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(2, 3)), *b = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        ct_gradcheck_options options = { .order = 2 };
        ct_gradcheck_report report;
        ct_verdict verdict = ct_gradcheck(cx, of_pair, &functions[i], CT_TENSORS(a, b), &options,
                                          &report);
        ck_assert_msg(verdict == CT_GRADCHECK_PASS, "function %zu: %s", i, report.diagnosis);
    }
}
END_TEST

START_TEST(messages)
{
    ct_tensor *a = ct_ones(cx, CT_F64, CT_SHAPE(2, 3)), *v = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ct_tensor *five = ct_ones(cx, CT_F64, CT_SHAPE(1, 1, 1, 1, 1)), *dead = NULL;
    const int64_t zero[] = { 0, 0 }, out[] = { 2, 5 };
    ck_assert_ptr_null(ct_outer(a, v));
    expect_error(CT_ERROR_SHAPE, "outer", "one dimension", "(2,3) x (3)", NULL);
    ck_assert_ptr_null(ct_kron(five, v));
    expect_error(CT_ERROR_SHAPE, "kron", "4 dimensions", NULL);
    ck_assert_ptr_null(ct_cross(a, v, 0));
    expect_error(CT_ERROR_SHAPE, "cross", "as many dimensions", NULL);
    ck_assert_ptr_null(ct_cross(a, a, 0));
    expect_error(CT_ERROR_SHAPE, "cross", "size 3", NULL);
    ck_assert_ptr_null(ct_cross(a, a, 2));
    expect_error(CT_ERROR_RANGE, "cross", "axis 2", NULL);
    ck_assert_ptr_null(ct_trace(v));
    expect_error(CT_ERROR_SHAPE, "trace", "two dimensions", NULL);
    ck_assert_ptr_null(ct_tensordot(a, v, zero, zero, 1));
    expect_error(CT_ERROR_SHAPE, "tensordot", "differ in size", NULL);
    ck_assert_ptr_null(ct_tensordot(a, a, zero, zero, 2));
    expect_error(CT_ERROR_RANGE, "tensordot", "given twice", NULL);
    ck_assert_ptr_null(ct_tensordot(a, a, zero, out, 1));
    expect_error(CT_ERROR_RANGE, "tensordot", "out of range", NULL);
    ck_assert_ptr_null(ct_tensordot(a, a, NULL, zero, 1));
    expect_error(CT_ERROR_NULL, "tensordot", NULL);
    ck_assert_ptr_null(ct_tensordot(five, five, NULL, NULL, 0));
    expect_error(CT_ERROR_SHAPE, "tensordot", "8 dimensions", NULL);
    ck_assert_ptr_null(ct_bilinear(a, a, a, NULL));
    expect_error(CT_ERROR_SHAPE, "bilinear", "(k,i,j)", "(2,3)", NULL);
    ck_assert_ptr_null(ct_outer(v, dead));
    expect_error(CT_ERROR_NULL, "outer", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *a = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3)));
    ct_tensor *v = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(3)));
    ct_backward(ct_sum(ct_kron(ct_outer(v, v), ct_cross(a, a, 1))));
    ct_backward(ct_sum(ct_tensordot(a, a, (int64_t[]){ 1 }, (int64_t[]){ 1 }, 1)));
    ct_backward(ct_sum(ct_bilinear(a, a, ct_ones(c, CT_F64, CT_SHAPE(4, 3, 3)),
                                   ct_ones(c, CT_F64, CT_SHAPE(4)))));
    ct_backward(ct_trace(a));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *compose_suite(void);
Suite *compose_suite(void)
{
    return make_suite("compose", (const TTest *const[]){
        outer, kron, cross, trace, tensordot, bilinear, derivatives, messages, out_of_memory, NULL });
}
