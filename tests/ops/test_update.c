/* Updates, against sequences by hand and against the formulas written plainly. */
#include "support.h"

static ct_tensor *one(ct_dtype dtype, double value)
{
    return ct_full(cx, dtype, CT_SHAPE(1), value);
}

/* -- SGD. By hand, w = 1, g = 0.5 each time, rate 0.1 */
START_TEST(sgd_by_hand)
{
    for (int f32 = 0; f32 < 2; f32++) {
        ct_dtype dtype = f32 ? CT_F32 : CT_F64;
        double tolerance = f32 ? 2e-7 : 1e-15;
        ct_tensor *w = one(dtype, 1), *g = one(dtype, 0.5), *v = one(dtype, 0);
        ck_assert_int_eq(ct_update_sgd(&w, &g, NULL, 1, 0.1, NULL), CT_OK);
        expect_values(w, CT_DOUBLES(0.95), tolerance);
        ct_fill(w, 1);
        ct_sgd_options o = { .weight_decay = 0.2 }; /* g' = 0.7 */
        ck_assert_int_eq(ct_update_sgd(&w, &g, NULL, 1, 0.1, &o), CT_OK);
        expect_values(w, CT_DOUBLES(0.93), tolerance);
        ct_fill(w, 1);
        o = (ct_sgd_options){ .momentum = 0.9 }; /* v = 0.5, 0.95 */
        for (int k = 0; k < 2; k++)
            ck_assert_int_eq(ct_update_sgd(&w, &g, &v, 1, 0.1, &o), CT_OK);
        expect_values(v, CT_DOUBLES(0.95), tolerance);
        expect_values(w, CT_DOUBLES(0.855), tolerance);
        ct_fill(w, 1), ct_fill(v, 0);
        o.nesterov = true; /* g + 0.9 v = 0.95, 1.355 */
        for (int k = 0; k < 2; k++)
            ck_assert_int_eq(ct_update_sgd(&w, &g, &v, 1, 0.1, &o), CT_OK);
        expect_values(w, CT_DOUBLES(1 - 0.095 - 0.1355), tolerance);
    }
}
END_TEST

/* -- Adam. By hand, t = 1: m^ = g, v^ = g^2, so that w moves by rate g / (|g| + e), whatever g;
 * t = 2 with g = 0.5, then -1: m = 0.9 0.05 - 0.1 = -0.055, v = 0.999 0.00025 + 0.001 = 0.00124975,
 * m^ = m / 0.19, v^ = v / 0.001999 */
START_TEST(adam_by_hand)
{
    for (int f32 = 0; f32 < 2; f32++) {
        ct_dtype dtype = f32 ? CT_F32 : CT_F64;
        double tolerance = f32 ? 3e-7 : 1e-15;
        ct_tensor *w = one(dtype, 1), *g = one(dtype, 0.5);
        ct_tensor *moments[] = { one(dtype, 0), one(dtype, 0), ct_scalar(cx, CT_I64, 0) };
        ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, 0.1, NULL), CT_OK);
        double want = 1 - 0.1 * 0.5 / (0.5 + 1e-8);
        expect_values(w, &want, 1, tolerance);
        ct_fill(g, -1);
        ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, 0.1, NULL), CT_OK);
        want += 0.1 * (0.055 / 0.19) / (sqrt(0.00124975 / 0.001999) + 1e-8);
        expect_values(w, &want, 1, tolerance);
        expect_values(moments[0], CT_DOUBLES(-0.055), tolerance);
        expect_values(moments[1], CT_DOUBLES(0.00124975), tolerance);
        ck_assert_int_eq(ct_item_int(moments[2]), 2);
    }
}
END_TEST

/* several steps with every option, against the formulas in double */
typedef struct plain {
    double w, m, v;
} plain;

static void plain_adam(plain *p, double g, int t, double rate, const ct_adam_options *o)
{
    if (o->decoupled)
        p->w -= rate * o->weight_decay * p->w;
    else
        g += o->weight_decay * p->w;
    p->m = o->beta1 * p->m + (1 - o->beta1) * g;
    p->v = o->beta2 * p->v + (1 - o->beta2) * g * g;
    double m = p->m / (1 - pow(o->beta1, t)), v = p->v / (1 - pow(o->beta2, t));
    p->w -= rate * m / (sqrt(v) + o->epsilon);
}

START_TEST(adam_and_adamw)
{
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        ct_adam_options o = { 0.8, 0.95, 1e-3, 0.1, .decoupled = decoupled };
        ct_tensor *w = one(CT_F64, 2), *g = one(CT_F64, 0);
        ct_tensor *moments[] = { one(CT_F64, 0), one(CT_F64, 0), ct_scalar(cx, CT_I64, 0) };
        plain p = { 2, 0, 0 };
        for (int t = 1; t <= 10; t++) {
            ct_fill(g, sin(t));
            plain_adam(&p, sin(t), t, 0.05, &o);
            ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, 0.05, &o), CT_OK);
            expect_values(w, &p.w, 1, 1e-14);
        }
    }
}
END_TEST

START_TEST(negative_options_are_zero)
{
    ct_tensor *w = one(CT_F64, 1), *g = one(CT_F64, 4);
    ct_tensor *moments[] = { one(CT_F64, 7), one(CT_F64, 7), ct_scalar(cx, CT_I64, 9) };
    ct_adam_options o = { -1, -1, -1, -1, .decoupled = true };
    ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, 0.25, &o), CT_OK);
    expect_values(w, CT_DOUBLES(0.75), 0);
    expect_values(moments[0], CT_DOUBLES(4), 0);
    expect_values(moments[1], CT_DOUBLES(16), 0);
}
END_TEST

/* -- Lists: variables, of several shapes and dtypes, views among them */
START_TEST(lists)
{
    ct_tensor *w[] = { ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2, 2))),
                       ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(0))), ct_scalar(cx, CT_F32, 5) };
    ct_tensor *g[3];
    for (int i = 0; i < 3; i++)
        g[i] = ct_ones_like(w[i]);
    ck_assert_int_eq(ct_update_sgd(w, g, NULL, 3, 0.5, NULL), CT_OK);
    expect_values(w[0], CT_DOUBLES(0.5, 0.5, 0.5, 0.5), 0);
    expect_values(w[2], CT_DOUBLES(4.5), 0);
    ck_assert_int_eq(ct_update_sgd(NULL, NULL, NULL, 0, 1, NULL), CT_OK);
}
END_TEST

/* x in one of four layouts, none of them row-major */
static ct_tensor *laid_out(const ct_tensor *x, int k)
{
    static const int64_t strides[][2] = { { 1, 2 }, { 7, 2 }, { 1, 3 }, { 9, 3 } };
    static float memory[4][40];
    ct_tensor *y = ct_borrow(cx, CT_F32, CT_SHAPE(2, 3), memory[k],
                             &(ct_borrow_options){ .strides = strides[k] });
    ck_assert_int_eq(ct_assign(y, x), CT_OK);
    return y;
}

START_TEST(any_strides)
{
    ct_tensor *x[4];
    for (int i = 0; i < 4; i++)
        x[i] = ct_rand(cx, CT_F32, CT_SHAPE(2, 3));
    for (int kind = 0; kind < 3; kind++) {
        ct_tensor *steps[] = { ct_scalar(cx, CT_I64, 1), ct_scalar(cx, CT_I64, 1) };
        ct_tensor *in[4], *out[4];
        for (int i = 0; i < 4; i++) {
            ck_assert_int_eq(ct_assign(in[i] = ct_empty_like(x[i]), x[i]), CT_OK);
            out[i] = laid_out(x[i], i);
        }
        ct_sgd_options o = { .momentum = kind == 1 ? 0.5 : 0, .weight_decay = 0.1 };
        for (int k = 0; k < 2; k++) {
            ct_tensor **t = k ? out : in, *state[] = { t[2], t[3], steps[k] };
            ck_assert_int_eq(kind < 2 ? ct_update_sgd(&t[0], &t[1], &t[2], 1, 0.1, &o)
                                      : ct_update_adam(&t[0], &t[1], state, 1, 0.1, NULL), CT_OK);
        }
        for (int i = 0; i < 4; i++)
            expect_close(in[i], out[i], 4);
        ck_assert_double_gt(ct_max_difference(in[0], x[0]), 0);
    }
}
END_TEST

/* what backward saved and an update wrote is an error that names the update */
START_TEST(updates_are_seen)
{
    ct_tensor *w = ct_variable(one(CT_F64, 3)), *g = one(CT_F64, 1);
    ct_tensor *y = ct_square(w);
    ck_assert_int_eq(ct_update_sgd(&w, &g, NULL, 1, 1, NULL), CT_OK);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "square", "update_sgd", NULL);
}
END_TEST

/* -- Errors: nothing is written */
static void expect_unchanged(ct_tensor *w)
{
    expect_values(w, CT_DOUBLES(1), 0);
}

START_TEST(sgd_errors)
{
    ct_tensor *w[] = { one(CT_F32, 1), one(CT_F32, 1) }, *g[] = { w[1], one(CT_F64, 1) };
    ct_tensor *wide[] = { w[0], ct_ones(cx, CT_F32, CT_SHAPE(2)) }, *missing[] = { g[0], NULL };
    static const double wrong[] = { -0.1, NAN, INFINITY };
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ct_update_sgd(w, g, NULL, 1, wrong[i], NULL), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "update_sgd: rate", NULL);
        ct_sgd_options o = { .weight_decay = wrong[i] };
        ck_assert_int_eq(ct_update_sgd(w, g, NULL, 1, 1, &o), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "update_sgd: weight_decay", NULL);
        o = (ct_sgd_options){ .momentum = i == 2 ? 1 : wrong[i] };
        ck_assert_int_eq(ct_update_sgd(w, g, w, 1, 1, &o), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "update_sgd: momentum", "[0, 1)", NULL);
    }
    ck_assert_int_eq(ct_update_sgd(w, g, NULL, 1, 1, &(ct_sgd_options){ .nesterov = true }),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_sgd", "nesterov", NULL);
    ck_assert_int_eq(ct_update_sgd(w, g, NULL, 1, 1, &(ct_sgd_options){ .reserved = { 0, 1 } }),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_sgd", "zeroed", NULL);
    ck_assert_int_eq(ct_update_sgd(w, g, NULL, 1, 1, &(ct_sgd_options){ .momentum = 0.5 }),
                     CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "update_sgd", NULL);
    ck_assert_int_eq(ct_update_sgd(w, NULL, NULL, 1, 1, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "update_sgd", NULL);
    ck_assert_int_eq(ct_update_sgd(w, g, NULL, -1, 1, NULL), CT_ERROR_RANGE);
    ck_assert_int_eq(ct_update_sgd(w, g, NULL, 2, 1, NULL), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "update_sgd: dtypes differ for parameter 1", NULL);
    ck_assert_int_eq(ct_update_sgd(w, wide, NULL, 2, 1, NULL), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "update_sgd: shapes differ for parameter 1", NULL);
    ck_assert_int_eq(ct_update_sgd(w, missing, NULL, 2, 1, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "update_sgd: operand 4 is NULL", NULL);
    ct_tensor *fixed[] = { w[0], ct_expand(w[1], CT_SHAPE(2)) };
    ck_assert_int_eq(ct_update_sgd(fixed, wide, NULL, 2, 1, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_sgd", NULL);
    expect_unchanged(w[0]);
}
END_TEST

START_TEST(adam_errors)
{
    ct_tensor *w = one(CT_F32, 1), *g = one(CT_F32, 1);
    ct_tensor *moments[] = { one(CT_F32, 0), one(CT_F32, 0), ct_scalar(cx, CT_I64, 0) };
    const ct_adam_options wrong[] = { { .beta1 = 1 }, { .beta2 = NAN }, { .epsilon = INFINITY },
                                      { .weight_decay = NAN } };
    static const char *const names[] = { "beta1", "beta2", "epsilon", "weight_decay" };
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, 1, &wrong[i]), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "update_adam", names[i], NULL);
    }
    ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, -1, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_adam: rate = -1", NULL);
    ck_assert_int_eq(ct_update_adam(&w, &g, NULL, 1, 1, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "update_adam", NULL);
    ct_tensor *no_count[] = { moments[0], moments[1], moments[0] };
    ck_assert_int_eq(ct_update_adam(&w, &g, no_count, 1, 1, NULL), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "update_adam: step count 0 is not one i64", NULL);
    ct_fill(moments[2], -1);
    ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, 1, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_adam: step count 0 is -1", NULL);
    expect_unchanged(w);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *w = ct_ones(c, CT_F32, CT_SHAPE(2)), *g = ct_ones(c, CT_F32, CT_SHAPE(2));
    ct_tensor *state[] = { ct_zeros(c, CT_F32, CT_SHAPE(2)), ct_zeros(c, CT_F32, CT_SHAPE(2)),
                           ct_scalar(c, CT_I64, 0) };
    ct_sgd_options o = { .momentum = 0.9 };
    ct_update_sgd(&w, &g, state, 1, 0.1, &o);
    ct_update_adam(&w, &g, state, 1, 0.1, NULL);
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *update_suite(void)
{
    const TTest *const tests[] = { sgd_by_hand, adam_by_hand, adam_and_adamw,
                                   negative_options_are_zero, lists, any_strides,
                                   updates_are_seen, sgd_errors, adam_errors, out_of_memory, NULL };
    return make_suite("update", tests);
}
