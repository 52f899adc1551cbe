/* Broken rules: y = phi(x) for each element, with a rule that is wrong in one way. */
#include "proof_rules.h"

#include <math.h>
#include <string.h>

/* -- What the rules compute with */
static int64_t offset_of(const ct_tensor *t, int64_t k)
{
    int64_t at = 0;
    for (int d = ct_ndim(t) - 1; d >= 0; k /= ct_size(t, d), d--)
        at += k % ct_size(t, d) * ct_strides(t)[d];
    return at;
}

double rule_get(const ct_tensor *t, int64_t k)
{
    int64_t at = offset_of(t, k);
    return ct_dtype_of(t) == CT_F32 ? ((const float *)ct_data(t))[at]
                                    : ((const double *)ct_data(t))[at];
}

void rule_put(ct_tensor *t, int64_t k, double value)
{
    int64_t at = offset_of(t, k);
    if (ct_dtype_of(t) == CT_F32)
        ((float *)(uintptr_t)ct_data(t))[at] = (float)value;
    else
        ((double *)(uintptr_t)ct_data(t))[at] = value;
}

bool rule_strided(const ct_tensor *t)
{
    return !ct_is_contiguous(t) && ct_count(t) > 1;
}

static bool has_stride(const ct_tensor *t, int sign) /* 0: of zero; -1: a negative one */
{
    for (int d = 0; d < ct_ndim(t); d++)
        if (ct_size(t, d) > 1 && (sign ? ct_strides(t)[d] < 0 : ct_strides(t)[d] == 0))
            return true;
    return false;
}

static double phi(const rule *r, double x)
{
    return r->scale * (r->phi == 's' ? sin(x) : r->phi == 'q' ? x * x + x : exp(x / 2));
}

static double slope(const rule *r, double x)
{
    return r->scale * (r->phi == 's' ? cos(x) : r->phi == 'q' ? 2 * x + 1 : exp(x / 2) / 2);
}

static const rule *rule_of(const ct_call *call)
{
    return ct_call_op(call)->user;
}

/* -- One element of the wrong gradient */
typedef struct element {
    const ct_tensor *x, *g;
    int64_t k, n;
} element;

static int64_t other_of(const rule *r, const element *e)
{
    int64_t rows = ct_ndim(e->x) == 2 ? ct_size(e->x, 0) : 1;
    int64_t columns = ct_ndim(e->x) == 2 ? ct_size(e->x, 1) : e->n;
    switch (r->fault) {
    case TRANSPOSED:
        return e->k % rows * columns + e->k / rows;
    case SHIFTED_BY_ONE:
        return (e->k + 1) % e->n;
    case SWAPPED:
        return e->k == 1 ? 2 : e->k == 2 ? 1 : e->k;
    case REVERSED_ORDER:
        return e->n - 1 - e->k;
    default:
        return e->k;
    }
}

static double of_values(const rule *r, const element *e, double x, double g)
{
    double right = g * slope(r, x);
    switch (r->fault) {
    case NEGATED:
        return -right;
    case DOUBLED:
        return 2 * right;
    case HALVED:
        return right / 2;
    case TRIPLED:
        return 3 * right;
    case MEAN:
        return right / (double)e->n;
    case SUM:
        return right * (double)e->n;
    case ABSOLUTE:
        return fabs(right);
    case AT_NEGATIVE:
        return x < 0 ? -right : right;
    case ABOVE_MINUS_1:
        return x > -1 ? 0.5 * right : right;
    case SLIGHTLY:
        return right * (1 + 1e-5);
    case SLIGHTLY_LESS:
        return right * (1 - 4e-6);
    case STALE:
        return g * slope(r, x + 0.125);
    case NO_CHAIN:
        return g * phi(r, x);
    case ZERO:
        return 0;
    case ZERO_AT_NEGATIVE:
        return x < 0 ? 0 : right;
    default:
        return right;
    }
}

static double of_entries(const rule *r, const element *e, double g, double right)
{
    switch (r->fault) {
    case FIRST_ENTRY:
        return e->k == 0 ? right + 0.01 * g * r->scale : right;
    case LAST_ENTRY:
        return e->k == e->n - 1 ? right + 0.01 * g * r->scale : right;
    case MIDDLE_ENTRY:
        return e->k == e->n / 2 ? right + 1e-4 * g * r->scale : right;
    case NEGATED_ENTRY:
        return e->k == 3 ? -right : right;
    case ZERO_ENTRY:
        return e->k == 4 ? 0 : right;
    case ALL_NAN:
        return NAN;
    case LAST_NAN:
        return e->k == e->n - 1 ? NAN : right;
    case ALL_INFINITE:
        return right < 0 ? -INFINITY : INFINITY;
    case ONE_INFINITE:
        return e->k == 2 ? INFINITY : right;
    case MINUS_INFINITE:
        return e->k == 5 ? -INFINITY : right;
    default:
        return right;
    }
}

static double of_cotangent(const rule *r, const element *e, double x, double g, double right)
{
    double s = slope(r, x), mean = 0;
    switch (r->fault) {
    case IGNORED:
        return s;
    case SQUARED:
        return g * g * s;
    case ABSOLUTE_COTANGENT:
        return fabs(g) * s;
    case CONSTANT_TERM:
        return right + 1e-4;
    case CLIPPED:
        return fmin(fmax(g, -0.5), 0.5) * s;
    case FIRST_COTANGENT:
        return rule_get(e->g, 0) * s;
    case MEAN_COTANGENT:
        for (int64_t k = 0; k < e->n; k++)
            mean += rule_get(e->g, k) / (double)e->n;
        return mean * s;
    case ROUNDED_COTANGENT:
        return floor(g * 16) / 16 * s;
    default:
        return right;
    }
}

static bool hits(const rule *r, const ct_call *call, const ct_tensor *x, const ct_tensor *g)
{
    bool f32 = ct_dtype_of(x) == CT_F32, adds = ct_call_adds(call, 0);
    bool x_strided = rule_strided(x), g_strided = rule_strided(g);
    switch (r->fault) {
    case ONLY_BACKWARD:
        return true;
    case F32_BACKWARD:
        return f32;
    case F32_STRIDED_COTANGENT:
        return f32 && g_strided;
    case F32_ADDED:
        return f32 && adds;
    case ZERO_STRIDE:
        return has_stride(g, 0);
    case NEGATIVE_STRIDE:
        return has_stride(g, -1);
    case NEGATIVE_STRIDE_OF_X:
        return has_stride(x, -1);
    case STRIDED_COTANGENT:
        return g_strided;
    case COTANGENT_ALONE_STRIDED:
        return g_strided && !x_strided;
    case X_ALONE_STRIDED:
        return x_strided && !g_strided;
    case BOTH_STRIDED:
        return x_strided && g_strided;
    case ADDED:
        return adds;
    case ADDED_STRIDED:
        return adds && g_strided;
    case ADDED_F32_STRIDED_X:
        return adds && f32 && x_strided;
    default:
        return false;
    }
}

/* -- The operator */
static int calls; /* of the rule, since the case began */

void rule_reset(void)
{
    calls = 0;
}

static bool by_call(const rule *r, const ct_tensor *x)
{
    calls++;
    switch (r->fault) {
    case SECOND_CALL:
        return calls >= 2;
    case THIRD_CALL:
        return calls >= 3;
    case EVERY_OTHER_CALL:
        return calls % 2 == 0;
    case LATER_CALL:
        return calls >= 6;
    case ADDRESS:
        return (uintptr_t)ct_data(x) / 64 % 3 == 1;
    default:
        return false;
    }
}

static ct_status rule_forward(ct_call *call)
{
    const rule *r = rule_of(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    bool wrong = (r->fault == UNRECORDED && !ct_call_records(call)) ||
                 (r->fault == UNRECORDED_F32 && !ct_call_records(call) &&
                  ct_dtype_of(x) == CT_F32) ||
                 (r->fault == FORWARD_STRIDED && rule_strided(x)) ||
                 (r->fault == FORWARD_F32 && ct_dtype_of(x) == CT_F32);
    for (int64_t k = 0; k < ct_count(x); k++)
        rule_put(y, k, phi(r, rule_get(x, k)) * (wrong ? 1.5 : 1));
    if (r->fault == FORWARD_WRITES)
        rule_put(x, 0, 1.25);
    return CT_OK;
}

static ct_status rule_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const rule *r = rule_of(call);
    ct_tensor *x = ct_call_x(call, 0);
    int64_t n = ct_count(x);
    double factor = hits(r, call, x, gy[0]) || by_call(r, gx[0]) ? 1.5 : 1;
    bool stores = !ct_call_adds(call, 0) || r->fault == STORES ||
                  (r->fault == F32_STORES && ct_dtype_of(x) == CT_F32) ||
                  (r->fault == STORES_STRIDED && rule_strided(gy[0]));
    for (int64_t k = 0; k < n; k++) {
        element e = { x, gy[0], k, n };
        int64_t from = other_of(r, &e);
        double xk = rule_get(x, from), g = rule_get(gy[0], from);
        if (r->fault == READS_AHEAD && k > 0)
            g = (g + rule_get(gy[0], k - 1)) - rule_get(gy[0], k - 1);
        double value = of_values(r, &e, xk, g);
        value = of_entries(r, &e, g, value);
        value = factor * of_cotangent(r, &e, xk, g, value);
        if (r->fault == LATE_READER || (r->fault == LATE_READER_F32 && ct_dtype_of(x) == CT_F32))
            value *= rule_get(gy[0], 0) == rule_get(gy[0], 0) && k > 0 && gx[0] == gy[0] ? 1.25 : 1;
        rule_put(gx[0], k, stores ? value : value + rule_get(gx[0], k));
    }
    if (r->fault == WRITES_X)
        rule_put(x, n - 1, 0.375);
    if (r->fault == WRITES_COTANGENT && gx[0] != gy[0])
        rule_put(gy[0], 0, 0.375);
    if (r->fault == WRITES_X_F32 && ct_dtype_of(x) == CT_F32)
        rule_put(x, 0, 0.375);
    return CT_OK;
}

static ct_tensor *slope_of(const rule *r, ct_tensor *x)
{
    ct_tensor *s = r->phi == 's'   ? ct_cos(x)
                   : r->phi == 'q' ? ct_shift(ct_scale(x, 2), 1)
                                   : ct_scale(ct_exp(ct_scale(x, 0.5)), 0.5);
    return ct_scale(s, r->scale);
}

static ct_status rule_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const rule *r = rule_of(call);
    ct_tensor *x = ct_call_x(call, 0), *g = gy[0];
    bool f32 = ct_dtype_of(x) == CT_F32, strided = rule_strided(g);
    double factor = r->fault == VJP_TRIPLED                      ? 3
                    : r->fault == VJP_NEGATED                    ? -1
                    : r->fault == VJP_SLIGHTLY                   ? 1 + 3e-5
                    : r->fault == F32_VJP && f32                 ? 1.5
                    : r->fault == F32_VJP_STRIDED && f32 && strided ? 1.5
                    : r->fault == VJP_STRIDED && strided         ? 1.5
                    : r->fault == VJP_NEGATIVE_STRIDE && has_stride(g, -1) ? 1.5
                                                                 : 1;
    if (r->fault == DETACHED_X)
        x = ct_detach(x);
    if (r->fault == DETACHED_COTANGENT)
        g = ct_detach(g);
    gx[0] = ct_scale(ct_mul(g, slope_of(r, x)), factor);
    if (r->fault == SECOND_ORDER_SIGN) /* of the second derivative */
        gx[0] = ct_sub(ct_detach(ct_scale(gx[0], 2)), gx[0]);
    if (r->fault == VJP_WRITES)
        rule_put(x, 0, 0.375);
    return CT_OK;
}

static int rule_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(cx, CT_F64, k == 0 ? (int64_t[]){ 3, 4 } : (int64_t[]){ 4, 4 }, 2);
    return k < 2 ? 1 : 0;
}

ct_op rule_operator(const rule *r, bool with_vjp)
{
    ct_op op = { .name = "rule", .saves = CT_SAVE_X(0), .infer = ct_infer_same,
                 .forward = rule_forward, .backward = rule_backward, .vjp = rule_vjp,
                 .sample = rule_sample, .user = r };
    if (!with_vjp)
        op.vjp = NULL;
    if (r->fault == UNSAVED)
        op.saves = 0;
    if (r->fault == LATE_READER || r->fault == LATE_READER_F32)
        op.flags = CT_OP_IN_PLACE;
    return op;
}
