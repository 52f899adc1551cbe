/* y = sin x with wrong rules, and what is expected of the report on it. */
#ifndef WRONG_SINE_H
#define WRONG_SINE_H
#include "support.h"

/* y = sin x, with whatever is wrong with its rules */
typedef enum fault {
    NONE, NEGATED, DOUBLED, HALVED, ABSOLUTE, ONE_ENTRY, IGNORES_COTANGENT, SQUARES_COTANGENT,
    NOT_FINITE, ZERO, MEAN, TRANSPOSED, STALE, SECOND_ORDER, SECOND_ORDER_BY_COTANGENT, STORES,
    CONTIGUOUS_COTANGENT, CONTIGUOUS_INPUT, ONLY_F32, ONLY_BACKWARD, ONLY_VJP, CONSTANT_TERM,
    SLIGHTLY, AT_NEGATIVE, ABSOLUTE_COTANGENT, CONTIGUOUS_COTANGENT_IN_VJP, TINY_TERM, CLIPS
} fault;

static fault now;
enum { WRONG_ENTRY = 617 };

static inline double slope(double x, double g, int64_t k, int64_t n)
{
    double right = g * cos(x);
    switch (now) {
    case NEGATED:
        return -right;
    case DOUBLED:
        return 2 * right;
    case HALVED:
        return right / 2;
    case ABSOLUTE:
        return fabs(right);
    case ONE_ENTRY:
        return k == WRONG_ENTRY ? right + 0.01 : right;
    case IGNORES_COTANGENT:
        return cos(x);
    case SQUARES_COTANGENT:
        return g * right;
    case NOT_FINITE:
        return k == n - 1 ? NAN : right;
    case ZERO:
        return 0;
    case MEAN:
        return right / (double)n;
    case STALE:
        return g * cos(x + 0.125);
    case CONSTANT_TERM:
        return right + 1e-4;
    case SLIGHTLY:
        return right * (1 + 1e-5);
    case ABSOLUTE_COTANGENT:
        return fabs(g) * cos(x);
    case TINY_TERM:
        return right + 5e-10;
    case CLIPS:
        return fmin(fmax(g, -1), 1) * cos(x);
    case AT_NEGATIVE:
        return x < 0 ? -right : right;
    default:
        return right;
    }
}

static inline int64_t offset_of(const ct_tensor *t, int64_t k)
{
    int64_t at = 0;
    for (int d = ct_ndim(t) - 1; d >= 0; k /= ct_size(t, d), d--)
        at += k % ct_size(t, d) * ct_strides(t)[d];
    return at;
}

static inline double get(const ct_tensor *t, int64_t k)
{
    int64_t at = offset_of(t, k);
    return ct_dtype_of(t) == CT_F32 ? ((const float *)ct_data(t))[at]
                                    : ((const double *)ct_data(t))[at];
}

static inline void put(ct_tensor *t, int64_t k, double value)
{
    if (ct_dtype_of(t) == CT_F32)
        ((float *)ct_data_mutable(t))[k] = (float)value;
    else
        ((double *)ct_data_mutable(t))[k] = value;
}

static inline ct_status sine(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    bool flat = now == CONTIGUOUS_INPUT;
    for (int64_t k = 0; k < ct_count(x); k++)
        put(y, k, flat && !ct_is_contiguous(x) ? 0 : sin(get(x, k)));
    return CT_OK;
}

static inline ct_status sine_backward(const ct_call *call, ct_tensor *const *gy,
                                      ct_tensor *const *gx)
{
    ct_tensor *x = ct_call_x(call, 0);
    int64_t n = ct_count(x);
    for (int64_t k = 0; k < n; k++) {
        int64_t from = k;
        if (now == TRANSPOSED)
            from = k % ct_size(x, 1) * ct_size(x, 1) + k / ct_size(x, 1);
        double g = get(gy[0], from);
        if (now == CONTIGUOUS_COTANGENT && !ct_is_contiguous(gy[0]))
            g = get(gy[0], 0);
        double result = slope(get(x, from), g, k, n);
        if (now == ONLY_BACKWARD || (now == ONLY_F32 && ct_dtype_of(x) == CT_F32))
            result *= 3;
        bool adds = ct_call_adds(call, 0) && now != STORES;
        put(gx[0], k, adds ? result + get(gx[0], k) : result);
    }
    return CT_OK;
}

static inline ct_status sine_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *g = gy[0];
    if (now == SECOND_ORDER)
        x = ct_detach(x);
    if (now == SECOND_ORDER_BY_COTANGENT)
        g = ct_detach(g);
    gx[0] = ct_mul(g, ct_cos(x));
    if (now == ONLY_VJP || (now == CONTIGUOUS_COTANGENT_IN_VJP && !ct_is_contiguous(g)))
        gx[0] = ct_scale(gx[0], 3);
    return CT_OK;
}

static int64_t shape[2] = { 4, 4 };

static inline int sine_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 2)
        return 0;
    x[0] = ct_randn(c, CT_F64, shape, 2);
    return 1;
}

static const ct_op sine_op = { .name = "sine", .saves = CT_SAVE_X(0), .infer = ct_infer_same,
                               .forward = sine, .vjp = sine_vjp, .backward = sine_backward,
                               .sample = sine_sample };

static inline ct_tensor *sines(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)user;
    return ct_apply(&sine_op, NULL, x, n);
}

/* -- Expectations */
static ct_gradcheck_report report;

static inline void expect_report(ct_verdict want, const char *fragment)
{
    const char *text = ct_gradcheck_text(cx, &report);
    ck_assert_msg(report.verdict == want, "fault %d: %s instead of %s: %s", (int)now,
                  ct_verdict_text(report.verdict), ct_verdict_text(want), text);
    ck_assert_msg(strstr(text, fragment) != NULL, "fault %d: no \"%s\" in %s", (int)now, fragment,
                  text);
    expect_ok();
}

/* as a function of a (4,4) tensor */
static inline void function_fails(fault f, const char *fragment)
{
    now = f;
    ct_tensor *x = ct_randn(cx, CT_F64, shape, 2);
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .seed = 5 }, &report);
    expect_report(CT_GRADCHECK_FAIL, fragment);
    ck_assert_int_gt(report.wrong, 0);
    ck_assert_int_eq(report.input, 0);
    ck_assert_int_eq(report.order, 1);
}

static inline void operator_fails(fault f, int order, const char *fragment)
{
    now = f;
    ct_op op = sine_op;
    if (f == TINY_TERM || f == CLIPS)
        op.vjp = NULL; /* else the two rules differ */
    ct_gradcheck_op(cx, &op, &(ct_gradcheck_options){ .order = order }, &report);
    expect_report(CT_GRADCHECK_FAIL, fragment);
    ck_assert_str_eq(report.op, "sine");
    ck_assert_int_gt(report.wrong, 0);
}
#endif
