/* ops/updates/, against sequences by hand and against the formulas written plainly. */
#include "support.h"

#include <float.h>

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

/* -- All elements in one pass: whatever the number and sizes of the parameters, and whichever
 * kernels, each is treated as it would be alone, by plain ones */
enum { SIZES = 7 };
static const int64_t sizes[SIZES] = { 1, 7, 40000, 0, 33, 100003, 17 };

typedef struct all {
    ct_context *cx;
    ct_tensor *w[SIZES], *g[SIZES], *state[3 * SIZES];
} all;

/* element i of list k of every parameter, at an odd offset in its memory */
static ct_tensor *odd(ct_context *c, ct_dtype dtype, int64_t n, int k)
{
    ct_tensor *x = ct_empty(c, dtype, CT_SHAPE(n + 3));
    for (int64_t i = 0; i < n + 3; i++) {
        double value = k == 3 ? 0.5 + 0.5 * sin((double)i) : cos((double)(i + k));
        if (dtype == CT_F32)
            ((float *)ct_data_mutable(x))[i] = (float)value;
        else
            ((double *)ct_data_mutable(x))[i] = value;
    }
    return ct_slice(x, 0, 3, CT_END, 1);
}

static all make_all(ct_simd simd, int threads, ct_dtype dtype)
{
    all a = { .cx = ct_context_new(&(ct_context_options){ .simd = simd, .threads = threads }) };
    for (int i = 0; i < SIZES; i++) {
        a.w[i] = odd(a.cx, dtype, sizes[i], 0);
        a.g[i] = odd(a.cx, dtype, sizes[i], 1);
        a.state[i] = odd(a.cx, dtype, sizes[i], 2);
        a.state[SIZES + i] = odd(a.cx, dtype, sizes[i], 3);
        a.state[2 * SIZES + i] = ct_scalar(a.cx, CT_I64, i);
    }
    return a;
}

static void update_all(all *a, int kind, int begin, int end)
{
    ct_sgd_options sgd = { .momentum = kind == 1 ? 0.9 : 0, .weight_decay = 0.01,
                           .nesterov = kind == 1 };
    ct_tensor *state[3 * SIZES];
    int n = end - begin;
    for (int k = 0; k < 3; k++)
        memcpy(state + k * n, a->state + k * SIZES + begin, (size_t)n * sizeof *state);
    ct_status status = kind < 2 ? ct_update_sgd(a->w + begin, a->g + begin, state, n, 0.1, &sgd)
                                : ct_update_adam(a->w + begin, a->g + begin, state, n, 0.1, NULL);
    ck_assert_msg(status == CT_OK, "%s", ct_error_text(a->cx));
}

static void expect_alike(const ct_tensor *a, const ct_tensor *b, double units)
{
    size_t bytes = (size_t)ct_count(a) * (ct_dtype_of(a) == CT_F32 ? 4 : 8);
    if (bytes == 0)
        return;
    if (units == 0)
        ck_assert_mem_eq(ct_data(a), ct_data(b), bytes);
    else
        expect_close(a, ct_from_memory(ct_context_of(a), ct_dtype_of(b), ct_shape(b), 1,
                                       ct_data(b)), units);
}

START_TEST(one_pass_over_all)
{
    for (int kind = 0; kind < 6; kind++) {
        ct_dtype dtype = kind < 3 ? CT_F32 : CT_F64;
        all plain = make_all(CT_SIMD_PLAIN, 1, dtype), fast = make_all(0, 1, dtype);
        all cut = make_all(0, 3, dtype);
        update_all(&fast, kind % 3, 0, SIZES);
        update_all(&cut, kind % 3, 0, SIZES);
        for (int i = 0; i < SIZES; i++) {
            update_all(&plain, kind % 3, i, i + 1);
            expect_alike(fast.w[i], plain.w[i], 4);
            expect_alike(fast.state[i], plain.state[i], 4);
            expect_alike(fast.state[SIZES + i], plain.state[SIZES + i], 4);
            expect_alike(fast.w[i], cut.w[i], 0);
            expect_alike(fast.state[SIZES + i], cut.state[SIZES + i], 0);
        }
        ct_context_free(plain.cx), ct_context_free(fast.cx), ct_context_free(cut.cx);
    }
}
END_TEST

/* the last range first */
static void backward(int64_t n, void (*body)(int64_t i, void *), void *arg, void *user)
{
    (void)user;
    for (int64_t i = n - 1; i >= 0; i--)
        body(i, arg);
}

/* where one parameter is another's gradient, the order of the list counts */
START_TEST(what_overlaps_is_done_in_order)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .parallel_for = backward });
    ct_tensor *x = ct_ones(c, CT_F64, CT_SHAPE(50000)), *y = ct_ones(c, CT_F64, CT_SHAPE(50000));
    ck_assert_int_eq(ct_update_sgd((ct_tensor *[]){ x, y }, (ct_tensor *[]){ y, x }, NULL, 2,
                                   0.5, NULL), CT_OK);
    ck_assert_double_eq(ct_item(ct_min(x)), 0.5);
    ck_assert_double_eq(ct_item(ct_max(y)), 0.75);
    ct_context_free(c);
}
END_TEST

/* -- Clipping: against the norm in double, of one dtype and of both, strided ones among them */
START_TEST(clipping)
{
    for (int threads = 1; threads < 4; threads += 2) {
        all a = make_all(threads == 1 ? CT_SIMD_PLAIN : 0, threads, CT_F32);
        all b = make_all(CT_SIMD_PLAIN, 1, CT_F64);
        ct_tensor *g[SIZES + 1], *wide = ct_ones(a.cx, CT_F32, CT_SHAPE(50, 3));
        memcpy(g, a.g, sizeof a.g);
        g[3] = ct_cast(a.g[0], CT_F64);
        g[SIZES] = ct_slice(wide, 1, 0, CT_END, 2);
        double sum = 100 + pow(ct_at(g[3], CT_INDEX(0)), 2), norm = 0;
        for (int i = 0; i < SIZES; i++)
            for (int64_t k = 0; k < sizes[i]; k++)
                sum += pow(((const float *)ct_data(a.g[i]))[k], 2);
        ck_assert_int_eq(ct_update_clip(g, SIZES + 1, 1000, &norm), CT_OK);
        ck_assert_double_eq_tol(norm / sqrt(sum), 1, 1e-12);
        expect_alike(a.g[5], ct_cast(b.g[5], CT_F32), 0); /* not clipped */
        ck_assert_int_eq(ct_update_clip(g, SIZES + 1, 2, &norm), CT_OK);
        ck_assert_double_eq_tol(norm / sqrt(sum), 1, 1e-12);
        ck_assert_int_eq(ct_update_clip(g, SIZES + 1, 1000, &norm), CT_OK);
        ck_assert_double_eq_tol(norm, 2, 1e-6);
        ck_assert_double_eq(ct_at(wide, CT_INDEX(7, 1)), 1);
        ck_assert_double_eq_tol(ct_at(wide, CT_INDEX(7, 2)), 2 / sqrt(sum), 1e-7);
        ck_assert_double_eq_tol(ct_at(g[5], CT_INDEX(99999)), 2 / sqrt(sum) * cos(100003), 1e-7);
        ct_context_free(a.cx), ct_context_free(b.cx);
    }
}
END_TEST

/* n elements `x` of f64 and one of f32 that is 0, then clipped */
static void check_norm(int64_t n, double x, double max_norm, double want)
{
    ct_tensor *g[] = { ct_full(cx, CT_F64, CT_SHAPE(n), x), one(CT_F32, 0) };
    double norm = NAN, unit = x == 0 ? 1 : fabs(x);
    ck_assert_int_eq(ct_update_clip(g, 2, max_norm, &norm), CT_OK);
    ck_assert_double_le(fabs(norm / unit - want / unit), 3e-15 * (want / unit));
    double after = ct_at(g[0], CT_INDEX(n - 1));
    double factor = want > max_norm ? max_norm / (want / unit) : unit;
    ck_assert_double_le(fabs(after - (x < 0 ? -factor : x == 0 ? 0 : factor)), 4e-15 * factor);
}

START_TEST(norms_of_the_whole_range)
{
    check_norm(2, 1e200, 5, sqrt(2) * 1e200);
    check_norm(2, -1e200, 1e210, sqrt(2) * 1e200);
    check_norm(4, -8e307, 3, 1.6e308);
    check_norm(1, DBL_MAX, DBL_MAX / 4, DBL_MAX);
    check_norm(2, 1e-160, 1, sqrt(2) * 1e-160);
    check_norm(2, 1e-160, 1e-170, sqrt(2) * 1e-160);
    check_norm(4, 1e-200, 1e-250, 2e-200);
    check_norm(4, 5e-324, 1, 1e-323);
    check_norm(90000, 1e160, 2, 3e162);
    check_norm(90000, -1e-190, 1, 3e-188);
    check_norm(2, 0, 1, 0);
    check_norm(2, 1e200, 1e-120, sqrt(2) * 1e200); /* the factor is 0 in f64 */
}
END_TEST

/* the factor, 1e-58, is 0 in f32 */
START_TEST(clipping_to_a_tiny_norm)
{
    ct_tensor *g = ct_full(cx, CT_F32, CT_SHAPE(4), 3e38);
    ck_assert_int_eq(ct_update_clip(&g, 1, 1e-20, NULL), CT_OK);
    ck_assert_double_eq_tol(ct_at(g, CT_INDEX(3)) / 5e-21, 1, 1e-7);
}
END_TEST

START_TEST(clipping_what_is_not_finite)
{
    static const double wrong[] = { NAN, INFINITY };
    for (int i = 0; i < 2; i++) {
        ct_tensor *g[] = { one(CT_F64, 1e200), one(CT_F64, wrong[i]), one(CT_F64, -1e-200) };
        double norm = 0;
        ck_assert_int_eq(ct_update_clip(g, 3, 1, &norm), CT_OK);
        ck_assert(i == 0 ? isnan(norm) : isinf(norm));
        ck_assert_double_eq(ct_at(g[0], CT_INDEX(0)), 1e200);
    }
    ct_tensor *g = ct_full(cx, CT_F64, CT_SHAPE(2), DBL_MAX);
    double norm = 0; /* larger than any number */
    ck_assert_int_eq(ct_update_clip(&g, 1, 1, &norm), CT_OK);
    ck_assert(isinf(norm));
    ck_assert_double_eq(ct_at(g, CT_INDEX(0)), DBL_MAX);
}
END_TEST

START_TEST(clipping_errors)
{
    double norm = 7;
    ct_tensor *g[] = { one(CT_F64, 1), ct_expand(one(CT_F64, 5), CT_SHAPE(2)), NULL };
    ck_assert_int_eq(ct_update_clip(g, 0, 1, &norm), CT_OK);
    ck_assert_double_eq(norm, 0);
    ck_assert_int_eq(ct_update_clip(g, 3, 1, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "update_clip: operand 3 is NULL", NULL);
    ck_assert_int_eq(ct_update_clip(NULL, 1, 1, &norm), CT_ERROR_NULL);
    ck_assert_int_eq(ct_update_clip(g, 1, -1, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_clip: max_norm must be positive, got -1", NULL);
    ck_assert_int_eq(ct_update_clip(g, 1, NAN, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_clip: max_norm must be positive, got nan", NULL);
    ck_assert_int_eq(ct_update_clip(g, -2, 1, NULL), CT_ERROR_RANGE);
    ck_assert_int_eq(ct_update_clip(g, 1, 0, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_clip", "positive", NULL);
    ck_assert_int_eq(ct_update_clip(g, 2, 1, &norm), CT_ERROR_VALUE); /* cannot be written */
    expect_error(CT_ERROR_VALUE, "update_clip", "read-only", NULL);
    ck_assert_double_eq(ct_at(g[0], CT_INDEX(0)), 1);
    g[1] = ct_scalar(cx, CT_I64, 3);
    ck_assert_int_eq(ct_update_clip(g, 2, 1, NULL), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "update_clip: gradient 1 must be f32 or f64", NULL);
    g[1] = one(CT_F32, INFINITY);
    ck_assert_int_eq(ct_update_clip(g, 2, 1, &norm), CT_OK);
    ck_assert(isinf(norm));
    ck_assert_double_eq(ct_at(g[0], CT_INDEX(0)), 1);
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
    expect_error(CT_ERROR_VALUE, "update_sgd", "reserved options must be 0", NULL);
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
    expect_error(CT_ERROR_VALUE, "update_adam: rate must be finite and not negative, got -1", NULL);
    ck_assert_int_eq(ct_update_adam(&w, &g, NULL, 1, 1, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "update_adam", NULL);
    ct_tensor *no_count[] = { moments[0], moments[1], moments[0] };
    ck_assert_int_eq(ct_update_adam(&w, &g, no_count, 1, 1, NULL), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "update_adam: step count 0 must be one i64", NULL);
    ct_fill(moments[2], -1);
    ck_assert_int_eq(ct_update_adam(&w, &g, moments, 1, 1, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_adam: step count 0 must be 0 or more, got -1", NULL);
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
    g = ct_slice(g, 0, 0, CT_END, 2);
    ct_update_clip(CT_TENSORS(g, w), 0.1, NULL);
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
                                   one_pass_over_all, what_overlaps_is_done_in_order, clipping,
                                   norms_of_the_whole_range, clipping_to_a_tiny_norm,
                                   clipping_what_is_not_finite, clipping_errors,
                                   updates_are_seen, sgd_errors, adam_errors,
                                   out_of_memory, NULL };
    return make_suite("update", tests);
}
