/* Elementwise functions of one tensor, against other formulas than the operators' own. */
#include "support.h"

/* -- Functions of one tensor: value and slope, each once more by another way */
typedef struct unary {
    const char *name;
    ct_tensor *(*apply)(ct_tensor *x);
    double (*value)(double x), (*slope)(double x);
    double low, high; /* 12 points between are looked at, none of them a kink */
} unary;

#define FUNCTION(name, expression)                                                              \
    static double name(double x)                                                                \
    {                                                                                           \
        (void)x;                                                                                \
        return expression;                                                                      \
    }
#define OPERATOR(name, expression)                                                              \
    static ct_tensor *name(ct_tensor *x)                                                        \
    {                                                                                           \
        return expression;                                                                      \
    }

FUNCTION(one, 1)
FUNCTION(minus_one, -1)
FUNCTION(zero, 0)
FUNCTION(inverse, 1 / x)
FUNCTION(two_x, 2 * x)
FUNCTION(x_x, x * x)

OPERATOR(scale, ct_scale(x, -1.5))
FUNCTION(scale_value, -1.5 * x)
FUNCTION(scale_slope, -1.5)
OPERATOR(shift, ct_shift(x, 2.5))
FUNCTION(shift_value, 2.5 + x)
OPERATOR(rsub, ct_rsub(2.5, x))
FUNCTION(rsub_value, -(x - 2.5))
OPERATOR(rdiv, ct_rdiv(2.5, x))
FUNCTION(rdiv_value, 2.5 * (1 / x))
FUNCTION(rdiv_slope, -2.5 * pow(x, -2))
OPERATOR(cube, ct_power(x, 3))
FUNCTION(cube_value, x * x * x)
FUNCTION(cube_slope, 3 * x * x)
OPERATOR(second_power, ct_power(x, 2))
OPERATOR(inverse_power, ct_power(x, -1))
OPERATOR(root, ct_power(x, -0.5))
FUNCTION(root_value, 1 / sqrt(x))
FUNCTION(root_slope, -0.5 / (x * sqrt(x)))
OPERATOR(clamp, ct_clamp(x, -1, 1.25))
FUNCTION(clamp_value, fmin(fmax(x, -1), 1.25))
FUNCTION(clamp_slope, fabs(x - 0.125) < 1.125)
FUNCTION(neg_value, -x)
FUNCTION(log_1p, 0.5 * log((1 + x) * (1 + x)))
FUNCTION(inverse_1p, 1 / (1 + x))
FUNCTION(exp_m1, 2 * exp(x / 2) * sinh(x / 2))
FUNCTION(sqrt_value, exp(0.5 * log(x)))
FUNCTION(sqrt_slope, 0.5 * pow(x, -0.5))
FUNCTION(inverse_slope, -pow(x, -2))
FUNCTION(abs_slope, copysign(1, x))
FUNCTION(minus_sin, -sin(x))
FUNCTION(erf_value, 1 - erfc(x))
FUNCTION(erf_slope, 2 / sqrt(acos(-1)) * exp(-x * x))
FUNCTION(tanh_value, 1 - 2 / (exp(2 * x) + 1))
FUNCTION(tanh_slope, pow(cosh(x), -2))
FUNCTION(sigmoid_value, 0.5 + 0.5 * tanh(x / 2))
FUNCTION(sigmoid_slope, 0.25 * pow(cosh(x / 2), -2))
FUNCTION(relu_value, 0.5 * (x + fabs(x)))
FUNCTION(relu_slope, x > 0)
OPERATOR(leaky, ct_leaky_relu(x, 0.25))
FUNCTION(leaky_value, fmax(x, 0) + 0.25 * fmin(x, 0))
FUNCTION(leaky_slope, x > 0 ? 1 : 0.25)
OPERATOR(elu, ct_elu(x, 1.5))
FUNCTION(elu_value, fmax(x, 0) + 1.5 * (exp(fmin(x, 0)) - 1))
FUNCTION(elu_slope, x > 0 ? 1 : 1.5 * exp(x))
FUNCTION(cdf, 0.5 * (1 + erf(x / sqrt(2))))
FUNCTION(gelu_value, x * cdf(x))
FUNCTION(gelu_slope, cdf(x) + x * exp(-x * x / 2) / sqrt(2 * acos(-1)))
FUNCTION(silu_value, x * sigmoid_value(x))
FUNCTION(silu_slope, sigmoid_value(x) + x * sigmoid_slope(x))
FUNCTION(softplus_value, log(1 + exp(x)))

static const unary table[] = {
    { "neg", ct_neg, neg_value, minus_one, -2, 2 },
    { "scale", scale, scale_value, scale_slope, -2, 2 },
    { "shift", shift, shift_value, one, -2, 2 },
    { "rsub", rsub, rsub_value, minus_one, -2, 2 },
    { "rdiv", rdiv, rdiv_value, rdiv_slope, -2, 2 },
    { "power 3", cube, cube_value, cube_slope, -2, 2 },
    { "power 2", second_power, x_x, two_x, -2, 2 },
    { "power -1", inverse_power, inverse, inverse_slope, 0.5, 2.5 },
    { "power -0.5", root, root_value, root_slope, 0.25, 3 },
    { "clamp", clamp, clamp_value, clamp_slope, -2, 2 },
    { "exp", ct_exp, exp, exp, -3, 3 },
    { "expm1", ct_expm1, exp_m1, exp, -3, 3 },
    { "log", ct_log, log, inverse, 0.25, 4 },
    { "log1p", ct_log1p, log_1p, inverse_1p, -0.75, 4 },
    { "sqrt", ct_sqrt, sqrt_value, sqrt_slope, 0.25, 4 },
    { "square", ct_square, x_x, two_x, -3, 3 },
    { "reciprocal", ct_reciprocal, inverse, inverse_slope, -2, 2 },
    { "abs", ct_abs, fabs, abs_slope, -2, 2 },
    { "sign", ct_sign, abs_slope, zero, -2, 2 },
    { "sin", ct_sin, sin, cos, -7, 7 },
    { "cos", ct_cos, cos, minus_sin, -7, 7 },
    { "erf", ct_erf, erf_value, erf_slope, -2, 2 },
    { "tanh", ct_tanh, tanh_value, tanh_slope, -3, 3 },
    { "sigmoid", ct_sigmoid, sigmoid_value, sigmoid_slope, -5, 5 },
    { "relu", ct_relu, relu_value, relu_slope, -2, 2 },
    { "leaky_relu", leaky, leaky_value, leaky_slope, -2, 2 },
    { "elu", elu, elu_value, elu_slope, -2, 2 },
    { "gelu", ct_gelu, gelu_value, gelu_slope, -3, 3 },
    { "silu", ct_silu, silu_value, silu_slope, -5, 5 },
    { "softplus", ct_softplus, softplus_value, sigmoid_value, -5, 5 },
};
enum { ROWS = sizeof table / sizeof *table, POINTS = 12 };

static void check_row(const unary *row, ct_dtype dtype, double tolerance)
{
    ct_tensor *x = ct_variable(ct_linspace(cx, dtype, row->low, row->high, POINTS));
    ct_tensor *y = row->apply(x), *gx = NULL;
    double gy[POINTS], at[POINTS], got[POINTS], slope[POINTS];
    for (int i = 0; i < POINTS; i++)
        gy[i] = i - 4.5;
    ct_grad(y, ct_from_doubles(cx, dtype, CT_SHAPE(POINTS), gy, POINTS), &x, 1, CT_ZERO_PATH, &gx);
    ct_to_doubles(x, at, POINTS);
    ct_to_doubles(y, got, POINTS);
    ck_assert_msg(ct_to_doubles(gx, slope, POINTS) == CT_OK, "%s: %s", row->name,
                  ct_error_text(cx));
    for (int i = 0; i < POINTS; i++) {
        double want = row->value(at[i]), want_slope = gy[i] * row->slope(at[i]);
        ck_assert_msg(fabs(got[i] - want) <= tolerance * (1 + fabs(want)),
                      "%s(%g): %.17g, not %.17g", row->name, at[i], got[i], want);
        ck_assert_msg(fabs(slope[i] - want_slope) <= tolerance * (1 + fabs(want_slope)),
                      "%s'(%g): %.17g, not %.17g", row->name, at[i], slope[i], want_slope);
    }
}

START_TEST(values_and_slopes_f64)
{
    for (int i = 0; i < ROWS; i++)
        check_row(&table[i], CT_F64, 1e-14);
}
END_TEST

START_TEST(values_and_slopes_f32)
{
    for (int i = 0; i < ROWS; i++)
        check_row(&table[i], CT_F32, 2e-6);
}
END_TEST

START_TEST(nan_in_is_nan_out)
{
    for (int i = 0; i < ROWS; i++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
            double y = ct_item(table[i].apply(ct_scalar(cx, (ct_dtype)dtype, NAN)));
            ck_assert_msg(isnan(y), "%s(nan) is %g", table[i].name, y);
        }
    expect_ok();
}
END_TEST

/* f(x), f'(x) of one number; the slope by the kernel is that of the composed rule */
static double at(ct_tensor *(*f)(ct_tensor *), ct_dtype dtype, double x, double *slope)
{
    ct_tensor *leaf = ct_variable(ct_scalar(cx, dtype, x)), *y = f(leaf), *gx, *composed;
    ct_grad(y, NULL, &leaf, 1, 0, &gx);
    ct_tensor *gy = ct_variable(ct_scalar(cx, dtype, 1)); /* so that there is what to record */
    ct_grad(y, gy, &leaf, 1, CT_CREATE_GRAPH, &composed);
    *slope = ct_item(gx);
    expect_values(composed, slope, 1, 1e-15);
    return ct_item(y);
}

static double second(ct_tensor *(*f)(ct_tensor *), double x)
{
    ct_tensor *leaf = ct_variable(ct_scalar(cx, CT_F64, x)), *g, *h;
    ct_grad(f(leaf), NULL, &leaf, 1, CT_CREATE_GRAPH, &g);
    ct_grad(g, NULL, &leaf, 1, CT_ZERO_PATH, &h);
    return ct_item(h);
}

START_TEST(far_out)
{
    static const struct {
        ct_tensor *(*f)(ct_tensor *);
        double low, low_slope, high, high_slope; /* at -1e4 and 1e4 */
    } rows[] = {
        { ct_sigmoid, 0, 0, 1, 0 },   { ct_softplus, 0, 0, 1e4, 1 }, { ct_silu, 0, 0, 1e4, 1 },
        { ct_gelu, 0, 0, 1e4, 1 },    { ct_tanh, -1, 0, 1, 0 },      { elu, -1.5, 0, 1e4, 1 },
        { ct_expm1, -1, 0, INFINITY, INFINITY },
    };
    double slope;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
            ck_assert_double_eq(at(rows[i].f, (ct_dtype)dtype, -1e4, &slope), rows[i].low);
            ck_assert_double_eq(slope, rows[i].low_slope);
            ck_assert_double_eq(at(rows[i].f, (ct_dtype)dtype, 1e4, &slope), rows[i].high);
            ck_assert_double_eq(slope, rows[i].high_slope);
        }
    for (size_t i = 0; i < 6; i++) {
        ck_assert_double_eq(second(rows[i].f, -1e4), 0);
        ck_assert_double_eq(second(rows[i].f, 1e4), 0);
    }
}
END_TEST

START_TEST(digits_are_kept)
{
    double slope; /* where the naive formula loses all of them */
    ck_assert_double_eq_tol(at(ct_expm1, CT_F64, 1e-12, &slope), 1e-12, 1e-23);
    ck_assert_double_eq_tol(at(ct_log1p, CT_F64, 1e-12, &slope), 1e-12, 1e-23);
    ck_assert_double_eq_tol(at(ct_softplus, CT_F64, -40, &slope), exp(-40), 1e-32);
    ck_assert_double_eq_tol(at(ct_sigmoid, CT_F64, -40, &slope), exp(-40), 1e-32);
    ck_assert_double_eq_tol(slope, exp(-40), 1e-32);
    ck_assert_double_eq_tol(at(ct_sigmoid, CT_F32, -95, &slope), exp(-95), 1e-44);
    ck_assert_double_eq_tol(at(ct_gelu, CT_F64, -9, &slope), -4.5 * erfc(9 / sqrt(2)), 1e-31);
    ck_assert_double_eq_tol(at(elu, CT_F64, -1e-12, &slope), -1.5e-12, 1e-23);
}
END_TEST

/* tanh'' x is -2 x to rounding; 1 - y is 1 there, so that (1 - y) - (1 + y) would be 0 */
START_TEST(second_derivative_of_tanh_near_0)
{
    const double points[] = { 1e-20, -3e-9, 1e-300 };
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        ct_tensor *x = ct_variable(ct_full(cx, CT_F64, CT_SHAPE(1, 1), points[i]));
        ct_tensor *one = ct_ones(cx, CT_F64, CT_SHAPE(1, 1)), *g, *h;
        ct_grad(ct_tanh(x), NULL, &x, 1, CT_CREATE_GRAPH, &g);
        ct_grad(ct_sum(g), NULL, &x, 1, 0, &h);
        ck_assert_double_eq_tol(ct_item(h), -2 * points[i], 1e-14 * fabs(points[i]));
        ct_grad(ct_linear_activation(x, one, NULL, CT_TANH), NULL, &x, 1, CT_CREATE_GRAPH, &g);
        ct_grad(ct_sum(g), NULL, &x, 1, 0, &h);
        ck_assert_double_eq_tol(ct_item(h), -2 * points[i], 1e-14 * fabs(points[i]));
    }
}
END_TEST

START_TEST(edges_of_domains)
{
    double slope;
    ck_assert_double_eq(at(ct_log, CT_F64, 0, &slope), -INFINITY);
    ck_assert_double_eq(slope, INFINITY);
    ck_assert(isnan(at(ct_log, CT_F64, -1, &slope)));
    ck_assert(isnan(at(ct_sqrt, CT_F64, -1, &slope)));
    ck_assert_double_eq(at(ct_sqrt, CT_F64, 0, &slope), 0);
    ck_assert_double_eq(slope, INFINITY);
    ck_assert_double_eq(at(ct_reciprocal, CT_F32, 0, &slope), INFINITY);
    ck_assert_double_eq(at(ct_exp, CT_F32, 1e4, &slope), INFINITY);
    ck_assert_double_eq(at(ct_exp, CT_F32, -INFINITY, &slope), 0);
    ck_assert_double_eq(slope, 0);
    expect_ok();
}
END_TEST

START_TEST(slopes_at_kinks)
{
    double slope;
    ck_assert_double_eq(at(ct_abs, CT_F64, 0, &slope), 0);
    ck_assert_double_eq(slope, 0);
    ck_assert_double_eq(at(ct_relu, CT_F64, 0, &slope), 0);
    ck_assert_double_eq(slope, 0);
    at(leaky, CT_F64, 0, &slope);
    ck_assert_double_eq(slope, 0.25);
    at(elu, CT_F64, 0, &slope);
    ck_assert_double_eq(slope, 1.5);
    at(clamp, CT_F64, -1, &slope);
    ck_assert_double_eq(slope, 1);
    at(clamp, CT_F64, 1.25, &slope);
    ck_assert_double_eq(slope, 1);
    ck_assert_double_eq(ct_item(ct_sign(ct_scalar(cx, CT_F32, 0))), 0);
    ck_assert(!ct_requires_grad(ct_sign(ct_variable(ct_scalar(cx, CT_F32, 2)))));
}
END_TEST

START_TEST(clamp_with_ends_crossed_takes_the_high_one)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(-5, 0.5, 5));
    expect_values(ct_clamp(x, 1, 0), CT_DOUBLES(0, 0, 0), 0);
    expect_values(ct_clamp(x, -INFINITY, 0), CT_DOUBLES(-5, 0, 0), 0);
}
END_TEST

/* a part that is off hands back 0, not 0 times the cotangent */
START_TEST(infinite_cotangents_stay_where_they_belong)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(-2, 2)));
    ct_tensor *gy = ct_full(cx, CT_F64, CT_SHAPE(2), INFINITY), *gx;
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(ct_relu(x), gy, &x, 1, flags, &gx);
        expect_values(gx, CT_DOUBLES(0, INFINITY), 0);
        ct_grad(ct_clamp(x, -3, 0), gy, &x, 1, flags, &gx);
        expect_values(gx, CT_DOUBLES(INFINITY, 0), 0);
    }
}
END_TEST

/* -- Powers */
START_TEST(power_at_zero)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 0)), *g, *g2;
    static const double wanted[][3] = { { 0, 0, 0 }, { 1, 1, 0 }, { 2, 0, 2 }, { 3, 0, 0 } };
    for (int i = 0; i < 4; i++) { /* exponent, first and second derivative at 0 */
        ct_grad(ct_power(x, wanted[i][0]), NULL, &x, 1, CT_CREATE_GRAPH | CT_ZERO_PATH, &g);
        ck_assert_double_eq(ct_item(g), wanted[i][1]);
        if (ct_requires_grad(g)) {
            ct_grad(g, NULL, &x, 1, CT_ZERO_PATH, &g2);
            ck_assert_double_eq(ct_item(g2), wanted[i][2]);
        }
        ct_grad(ct_power(x, wanted[i][0]), NULL, &x, 1, 0, &g);
        ck_assert_double_eq(ct_item(g), wanted[i][1]);
    }
    ck_assert_double_eq(ct_item(ct_power(ct_scalar(cx, CT_F64, -2), 3)), -8);
    ck_assert(isnan(ct_item(ct_power(ct_scalar(cx, CT_F64, -2), 0.5))));
    expect_ok();
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
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 10; k++) {
            const int64_t *l = layouts[k / 2];
            ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
            ct_tensor *x = ct_variable(strided(dtype, l[0], l[1], l[2]));
            ct_tensor *same = ct_variable(packed(x)), *gx, *g;
            ct_tensor *y = table[i].apply(x), *gy = strided(dtype, 1, 1, 4);
            expect_close(y, table[i].apply(same), 4);
            ct_grad(y, gy, &x, 1, CT_ZERO_PATH, &gx);
            ct_grad(table[i].apply(same), packed(gy), &same, 1, CT_ZERO_PATH, &g);
            expect_close(gx, g, 4);
        }
}
END_TEST

/* the engine may ask a kernel to add to what another use brought; gy repeated, packed, strided */
START_TEST(uses_add_up)
{
    static double across[] = { 1, -2, 3, -4, 5, -6, 7, -8, 9, -10 };
    const ct_borrow_options every_other = { .strides = (int64_t[]){ 2 } };
    ct_tensor *x = ct_variable(ct_linspace(cx, CT_F64, 0.5, 2, 5)), *g, *twice;
    ct_tensor *cotangents[] = { ct_expand(ct_scalar(cx, CT_F64, 3), CT_SHAPE(5)),
                                ct_borrow(cx, CT_F64, CT_SHAPE(5), across, NULL),
                                ct_borrow(cx, CT_F64, CT_SHAPE(5), across, &every_other) };
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 3; k++) {
            ct_grad(table[i].apply(x), cotangents[k], &x, 1, CT_ZERO_PATH, &g);
            ct_tensor *sum = ct_add(table[i].apply(x), table[i].apply(x));
            ct_grad(sum, cotangents[k], &x, 1, CT_ZERO_PATH, &twice);
            expect_close(twice, ct_scale(g, 2), 4);
        }
}
END_TEST

/* -- Errors */
START_TEST(integers_are_refused)
{
    ck_assert_ptr_null(ct_exp(ct_range(cx, CT_I64, 3)));
    expect_error(CT_ERROR_DTYPE, "exp", "i64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_scale(ct_range(cx, CT_I64, 3), 2));
    expect_error(CT_ERROR_DTYPE, "scale", "i64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_tanh(NULL));
    expect_ok();
}
END_TEST

/* the angle's reduction: near ones, far ones, and both in one call */
START_TEST(waves_of_any_number)
{
    static const double angles[] = { 0, 1e-30, 3.14159274, 1e3, 999999.9, 1e6, 1000001, 16777216,
                                     1e9, 1e22, 3e38, -355, -1e6, -1e30, INFINITY, NAN };
    enum { N = sizeof angles / sizeof *angles };
    for (int window = 0; window < N * N; window++)
        for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
            int64_t first = window / N, n = window % N + 1;
            if (first + n > N)
                break;
            ct_tensor *x = ct_variable(ct_from_doubles(cx, dtype, CT_SHAPE(n), angles + first, n));
            ct_tensor *y[] = { ct_sin(x), ct_cos(x) }, *g[2];
            double value[N], slope[N], unit = dtype == CT_F32 ? 2 * 0x1p-24 : 2 * 0x1p-53;
            for (int k = 0; k < 2; k++) {
                ck_assert_int_eq(ct_grad(y[k], ct_ones_like(x), &x, 1, 0, &g[k]), CT_OK);
                ct_to_doubles(y[k], value, n);
                ct_to_doubles(g[k], slope, n);
                for (int64_t i = 0; i < n; i++) {
                    double a = dtype == CT_F32 ? (double)(float)angles[first + i]
                                               : angles[first + i];
                    double want = k ? cos(a) : sin(a), wanted = k ? -sin(a) : cos(a);
                    ck_assert_msg(fabs(value[i] - want) <= unit || (isnan(want) && isnan(value[i])),
                                  "%g of %g, not %g", value[i], a, want);
                    ck_assert(fabs(slope[i] - wanted) <= unit || isnan(wanted));
                }
            }
        }
    expect_ok();
}
END_TEST

Suite *unary_suite(void)
{
    const TTest *const tests[] = {
        values_and_slopes_f64, values_and_slopes_f32, nan_in_is_nan_out, far_out, digits_are_kept,
        second_derivative_of_tanh_near_0,
        edges_of_domains, slopes_at_kinks, clamp_with_ends_crossed_takes_the_high_one,
        infinite_cotangents_stay_where_they_belong, power_at_zero, any_strides_in, uses_add_up,
        integers_are_refused, waves_of_any_number,
        NULL
    };
    return make_suite("unary", tests);
}
