/* Elementwise functions of two tensors, against loops over the broadcast shape. */
#include "support.h"

#define FUNCTION(name, expression)                                                              \
    static double name(double a, double b)                                                      \
    {                                                                                           \
        (void)a, (void)b;                                                                       \
        return expression;                                                                      \
    }

FUNCTION(sub, a - b)
FUNCTION(mul, a * b)
FUNCTION(divide, a * (1 / b))
FUNCTION(power, exp(b * log(a)))
FUNCTION(sub_a, 1)
FUNCTION(sub_b, -1)
FUNCTION(mul_a, b)
FUNCTION(mul_b, a)
FUNCTION(div_a, 1 / b)
FUNCTION(div_b, -a * pow(b, -2))
FUNCTION(pow_a, b / a * power(a, b))
FUNCTION(pow_b, log(a) * power(a, b))
FUNCTION(max_a, a > b)
FUNCTION(max_b, b > a)

static const struct binary {
    const char *name;
    ct_tensor *(*apply)(ct_tensor *a, ct_tensor *b);
    double (*value)(double, double), (*by_a)(double, double), (*by_b)(double, double);
} pairs[] = {
    { "sub", ct_sub, sub, sub_a, sub_b },          { "mul", ct_mul, mul, mul_a, mul_b },
    { "div", ct_div, divide, div_a, div_b },       { "pow", ct_pow, power, pow_a, pow_b },
    { "maximum", ct_maximum, fmax, max_a, max_b }, { "minimum", ct_minimum, fmin, max_b, max_a },
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static int64_t product(const int64_t *shape, int ndim)
{
    return ndim == 0 ? 1 : shape[0] * product(shape + 1, ndim - 1);
}

/* where element i of `shape` lies in an operand of size 1 or shape[d] along each axis */
static int64_t place(int64_t i, const int64_t *shape, const int64_t *own, int ndim)
{
    int64_t at = 0, stride = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        at += own[d] == 1 ? 0 : i % shape[d] * stride;
        stride *= own[d];
        i /= shape[d];
    }
    return at;
}

/* positive, no two of a and b equal */
static void check_pair(const struct binary *p, ct_dtype dtype, const int64_t *shape,
                       const int64_t *a_shape, const int64_t *b_shape, int ndim)
{
    int64_t n = product(shape, ndim), na = product(a_shape, ndim), nb = product(b_shape, ndim);
    double a[64], b[64], gy[64], ga[64] = { 0 }, gb[64] = { 0 }, y[64];
    double tolerance = dtype == CT_F32 ? 3e-5 : 1e-13;
    for (int64_t i = 0; i < 64; i++) {
        a[i] = 0.5 + 0.25 * (double)(i * 5 % 7);
        b[i] = 0.625 + 0.25 * (double)(i * 3 % 7);
        gy[i] = (double)(i % 5) - 1.75;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t ia = place(i, shape, a_shape, ndim), ib = place(i, shape, b_shape, ndim);
        y[i] = p->value(a[ia], b[ib]);
        ga[ia] += gy[i] * p->by_a(a[ia], b[ib]);
        gb[ib] += gy[i] * p->by_b(a[ia], b[ib]);
    }
    ct_tensor *x[] = { ct_variable(ct_from_doubles(cx, dtype, a_shape, ndim, a, na)),
                       ct_variable(ct_from_doubles(cx, dtype, b_shape, ndim, b, nb)) };
    ct_tensor *t = p->apply(x[0], x[1]), *g[2];
    expect_values(t, y, (int)n, tolerance);
    ct_grad(t, ct_from_doubles(cx, dtype, shape, ndim, gy, n), x, 2, CT_REQUIRE_PATH, g);
    expect_values(g[0], ga, (int)na, 10 * tolerance);
    expect_values(g[1], gb, (int)nb, 10 * tolerance);
    ck_assert(ct_same_shape(g[0], x[0]) && ct_same_shape(g[1], x[1]));
}

START_TEST(pairs_of_every_kind_of_shape)
{
    static const struct {
        int ndim;
        int64_t shape[8], a[8], b[8];
    } cases[] = {
        { 0, { 0 }, { 0 }, { 0 } },
        { 1, { 0 }, { 0 }, { 1 } },
        { 1, { 11 }, { 11 }, { 11 } },
        { 1, { 11 }, { 1 }, { 11 } },
        { 1, { 11 }, { 11 }, { 1 } },
        { 2, { 4, 5 }, { 4, 1 }, { 1, 5 } },
        { 2, { 4, 5 }, { 4, 5 }, { 1, 5 } },
        { 2, { 4, 5 }, { 4, 1 }, { 4, 5 } },
        { 3, { 2, 0, 3 }, { 2, 1, 1 }, { 1, 0, 3 } },
        { 8, { 2, 1, 3, 1, 2, 1, 2, 2 }, { 2, 1, 1, 1, 2, 1, 1, 2 }, { 1, 1, 3, 1, 1, 1, 2, 2 } },
    };
    for (int i = 0; i < PAIRS; i++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            check_pair(&pairs[i], CT_F64, cases[c].shape, cases[c].a, cases[c].b, cases[c].ndim);
            check_pair(&pairs[i], CT_F32, cases[c].shape, cases[c].a, cases[c].b, cases[c].ndim);
        }
}
END_TEST

START_TEST(shapes_of_different_length)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 3), CT_DOUBLES(1, 2, 3, 4, 5, 6));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 10, 100));
    expect_values(ct_mul(a, b), CT_DOUBLES(1, 20, 300, 4, 50, 600), 0);
    expect_values(ct_sub(ct_scalar(cx, CT_F64, 1), b), CT_DOUBLES(0, -9, -99), 0);
}
END_TEST

START_TEST(ties_take_half_each)
{
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_tensor *x[] = { ct_variable(ct_scalar(cx, CT_F32, 2)),
                           ct_variable(ct_scalar(cx, CT_F32, 2)) };
        ct_tensor *g[2];
        ct_grad(ct_maximum(x[0], x[1]), NULL, x, 2, flags, g);
        expect_values(g[0], CT_DOUBLES(0.5), 0);
        expect_values(g[1], CT_DOUBLES(0.5), 0);
        ct_grad(ct_minimum(x[0], x[0]), NULL, x, 1, flags, g);
        expect_values(g[0], CT_DOUBLES(1), 0);
    }
}
END_TEST

START_TEST(nan_beats_numbers)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(NAN, 1, NAN));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, NAN, NAN));
    ct_tensor *y[] = { ct_maximum(a, b), ct_minimum(a, b) };
    for (int i = 0; i < 2; i++)
        for (int64_t k = 0; k < 3; k++)
            ck_assert(isnan(ct_at(y[i], CT_INDEX(k))));
}
END_TEST

/* maximum and minimum agree: the NaN gets it all, each of two NaNs half */
START_TEST(nan_gets_the_cotangent)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(NAN, 1, NAN));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, NAN, NAN));
    ct_tensor *x[] = { ct_variable(a), ct_variable(b) };
    ct_tensor *g[2], *ones = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3)));
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH)
        for (int is_max = 0; is_max < 2; is_max++) {
            ct_grad((is_max ? ct_maximum : ct_minimum)(x[0], x[1]), ones, x, 2, flags, g);
            expect_values(g[0], CT_DOUBLES(1, 0, 0.5), 0);
            expect_values(g[1], CT_DOUBLES(0, 1, 0.5), 0);
        }
}
END_TEST

/* -- Powers */
/* a, b, then the derivatives of a^b by a and b */
static const double pow_cases[][4] = {
    { 2, 3, 12, 8 * 0.69314718055994530942 }, { 0, 2, 0, 0 }, { 0, 0, 0, 0 }, { 0, 1, 1, 0 },
    { -2, 3, 12, NAN },                       { 5, 0, 0, 1.6094379124341003746 },
    { INFINITY, -1e-310, 0, 0 },              { INFINITY, -2, 0, 0 },
};

START_TEST(pow_where_it_is_defined)
{
    for (size_t i = 0; i < sizeof pow_cases / sizeof *pow_cases; i++)
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            const double *c = pow_cases[i];
            ct_tensor *x[] = { ct_variable(ct_scalar(cx, CT_F64, c[0])),
                               ct_variable(ct_scalar(cx, CT_F64, c[1])) };
            ct_tensor *g[2];
            ct_grad(ct_pow(x[0], x[1]), NULL, x, 2, flags, g);
            expect_values(g[0], &c[2], 1, 1e-14);
            expect_values(g[1], &c[3], 1, 1e-14);
        }
}
END_TEST

START_TEST(pow_twice)
{
    /* d2/da2 a^b at (0,2) is 2; d2/da db at (5,0) is 1/5 */
    ct_tensor *x[] = { ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(0, 5))),
                       ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(2, 0))) };
    ct_tensor *g[2], *h[2];
    ct_grad(ct_sum(ct_pow(x[0], x[1])), NULL, x, 2, CT_CREATE_GRAPH, g);
    ct_grad(ct_sum(g[0]), NULL, x, 2, 0, h);
    expect_values(h[0], CT_DOUBLES(2, 0), 1e-14);
    expect_values(h[1], CT_DOUBLES(0, 0.2), 1e-14);
    ct_grad(ct_sum(g[1]), NULL, x, 2, 0, h);
    expect_values(h[0], CT_DOUBLES(0, 0.2), 1e-14);
}
END_TEST

/* d2/db2 a / b is 2 a / b^3, which is 0 for a = 0 although 1 / b overflows; d2/da db is -1 / b^2 */
START_TEST(div_twice_where_a_is_0)
{
    ct_tensor *x[] = { ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(0, 0))),
                       ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2),
                                                   CT_DOUBLES(1e-310, 2))) };
    ct_tensor *g, *h[2];
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(ct_sum(ct_div(x[0], x[1])), NULL, &x[1], 1, CT_CREATE_GRAPH, &g);
        ct_grad(ct_sum(g), NULL, x, 2, flags, h);
        expect_values(h[0], CT_DOUBLES(-INFINITY, -0.25), 1e-14);
        expect_values(h[1], CT_DOUBLES(0, 0), 0);
    }
}
END_TEST

/* -- Views: strides that are negative, 0, or not in order; the same cotangents arrive */
static double memory[24];

static ct_tensor *strided(ct_dtype dtype, int64_t start, int64_t s0, int64_t s1)
{
    static float singles[24];
    for (int i = 0; i < 24; i++) {
        memory[i] = 0.25 * i + 0.125;
        singles[i] = (float)memory[i];
    }
    void *first = dtype == CT_F32 ? (void *)(singles + start) : (void *)(memory + start);
    return ct_borrow(cx, dtype, CT_SHAPE(3, 4), first,
                     &(ct_borrow_options){ .strides = (const int64_t[]){ s0, s1 } });
}

static ct_tensor *packed(const ct_tensor *x)
{
    double values[12];
    ct_to_doubles(x, values, 12);
    return ct_from_doubles(cx, ct_dtype_of(x), CT_SHAPE(3, 4), values, 12);
}

static const int64_t layouts[][3] = { { 0, 1, 3 }, { 0, 8, 2 }, { 23, -8, -2 }, { 2, 0, 1 },
                                      { 5, 4, 0 } };

START_TEST(any_strides_in)
{
    for (int i = 0; i < PAIRS; i++)
        for (int k = 0; k < 50; k++) {
            const int64_t *l = layouts[k / 10], *m = layouts[k / 2 % 5];
            ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
            ct_tensor *x[] = { ct_variable(strided(dtype, l[0], l[1], l[2])),
                               ct_variable(strided(dtype, m[0], m[1], m[2])) };
            ct_tensor *same[] = { ct_variable(packed(x[0])), ct_variable(packed(x[1])) };
            ct_tensor *gx[2], *g[2], *gy = strided(dtype, 0, 5, 1);
            ct_tensor *y = pairs[i].apply(x[0], x[1]), *z = pairs[i].apply(same[0], same[1]);
            expect_close(y, z, 4);
            ct_grad(y, gy, x, 2, 0, gx);
            ct_grad(z, packed(gy), same, 2, 0, g);
            expect_close(gx[0], g[0], 4);
            expect_close(gx[1], g[1], 4);
        }
}
END_TEST

/* the engine may ask a kernel to add to what another use brought; gy repeated, and packed */
START_TEST(uses_add_up)
{
    ct_tensor *x[] = { ct_variable(ct_linspace(cx, CT_F64, 0.5, 2, 5)),
                       ct_variable(ct_linspace(cx, CT_F64, 1.3, 1.4, 5)) };
    ct_tensor *g[2], *twice[2];
    ct_tensor *cotangents[] = { ct_expand(ct_scalar(cx, CT_F64, 3), CT_SHAPE(5)),
                                ct_linspace(cx, CT_F64, -2, 3, 5) };
    for (int i = 0; i < PAIRS; i++)
        for (int k = 0; k < 2; k++) {
            ct_grad(pairs[i].apply(x[0], x[1]), cotangents[k], x, 2, 0, g);
            ct_tensor *sum = ct_add(pairs[i].apply(x[0], x[1]), pairs[i].apply(x[0], x[1]));
            ct_grad(sum, cotangents[k], x, 2, 0, twice);
            for (int j = 0; j < 2; j++)
                expect_close(twice[j], ct_scale(g[j], 2), 4);
        }
}
END_TEST

/* the side that lost gets 0, not 0 times the cotangent */
START_TEST(infinite_cotangents_stay_where_they_belong)
{
    ct_tensor *x[] = { ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, 2))),
                       ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(2, 1))) };
    ct_tensor *gy = ct_full(cx, CT_F64, CT_SHAPE(2), INFINITY), *g[2];
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH)
        for (int is_max = 0; is_max < 2; is_max++) {
            ct_grad((is_max ? ct_maximum : ct_minimum)(x[0], x[1]), gy, x, 2, flags, g);
            expect_values(g[is_max], CT_DOUBLES(INFINITY, 0), 0);
            expect_values(g[!is_max], CT_DOUBLES(0, INFINITY), 0);
        }
}
END_TEST

/* -- Errors */
START_TEST(what_does_not_fit)
{
    ct_tensor *a = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *b = ct_ones(cx, CT_F32, CT_SHAPE(4));
    ck_assert_ptr_null(ct_mul(ct_named(a, "w1"), b));
    expect_error(CT_ERROR_SHAPE, "mul", "w1 (2,3)", "(4)", NULL);
    ck_assert_ptr_null(ct_div(a, ct_ones(cx, CT_F64, CT_SHAPE(3))));
    expect_error(CT_ERROR_DTYPE, "div", "f32", "f64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_sub(ct_range(cx, CT_I64, 3), ct_range(cx, CT_I64, 3)));
    expect_error(CT_ERROR_DTYPE, "sub", "i64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_mul(a, NULL));
    expect_error(CT_ERROR_NULL, "mul", NULL);
}
END_TEST

Suite *binary_suite(void)
{
    const TTest *const tests[] = {
        pairs_of_every_kind_of_shape, shapes_of_different_length, ties_take_half_each,
        nan_beats_numbers, nan_gets_the_cotangent, pow_where_it_is_defined,
        pow_twice, div_twice_where_a_is_0, any_strides_in, uses_add_up,
        infinite_cotangents_stay_where_they_belong, what_does_not_fit, NULL
    };
    return make_suite("binary", tests);
}
