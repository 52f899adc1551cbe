/* f64, reverse: ct_gradcheck_op, which also tries what else an operator's rules must do.
 *
 * f64, forward: the operator becomes a function whose gradient is taken by tangents, gx_k =
 * <gy, J e_k>, and ct_gradcheck compares that with differences. At order 2 the function is the
 * gradient <u, f(x)> by x, so that this is forward over reverse.
 *
 * f32: the gradient at numbers that f32 can hold, in f32 and in f64. Three digits must agree. */
#include "ways.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 8, SEED = 5 };

/* an operator at one of its samples, as a function of the float inputs */
typedef struct sampled {
    const ct_op *op;
    int k, n;
    ct_tensor *x[MOST];     /* as the sample has them */
    ct_tensor *floats[MOST];
    int count;              /* of floats */
} sampled;

static bool is_float(const ct_tensor *x)
{
    return ct_dtype_of(x) == CT_F32 || ct_dtype_of(x) == CT_F64;
}

/* false: there is no such sample */
static bool draw(ct_context *cx, sampled *s, const ct_op *op, int k, void *attributes)
{
    *s = (sampled){ .op = op, .k = k };
    ct_seed(cx, (uint64_t)k + 1);
    s->n = op->sample(cx, k, s->x, attributes);
    for (int i = 0; i < s->n; i++)
        if (is_float(s->x[i]))
            s->floats[s->count++] = s->x[i];
    return s->n > 0;
}

/* all float outputs behind each other */
static ct_tensor *value(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    static _Alignas(16) char attributes[4096];
    sampled *s = user;
    ct_tensor *y[MOST] = { NULL }, *in[MOST] = { NULL }, *flat[MOST];
    int next = 0, found = 0, drawn;
    if (s->op->attributes_size > sizeof attributes)
        return ct_fail(cx, CT_ERROR_VALUE, "the attributes are too large"), NULL;
    ct_seed(cx, SEED);
    drawn = s->op->sample(cx, s->k, in, attributes); /* the attributes, which are given away */
    for (int i = 0; i < drawn; i++)
        in[i] = is_float(s->x[i]) && next < n ? x[next++] : s->x[i];
    ct_seed(cx, SEED);
    if (ct_apply_all(s->op, attributes, in, s->n, y) != CT_OK)
        return NULL;
    for (int i = 0; i < MOST && y[i]; i++)
        if (is_float(y[i]))
            flat[found++] = ct_reshape(y[i], CT_SHAPE(-1));
    return found == 1 ? flat[0] : ct_concat(flat, found, 0);
}

static ct_tensor *weights_like(const ct_tensor *y)
{
    ct_seed(ct_context_of(y), SEED + 1);
    return ct_cast(ct_randn(ct_context_of(y), CT_F64, ct_shape(y), ct_ndim(y)), ct_dtype_of(y));
}

/* the gradient of <weights, value>, all inputs behind each other */
static ct_tensor *gradient(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *g[MOST], *y = value(cx, x, n, user), *u = y ? weights_like(y) : NULL;
    if (!u || ct_grad(y, u, x, n, CT_CREATE_GRAPH | CT_ZERO_PATH, g) != CT_OK)
        return NULL;
    for (int i = 0; i < n; i++)
        g[i] = ct_reshape(g[i], CT_SHAPE(-1));
    return ct_concat(g, n, 0);
}

/* the same without its history: a function under ct_custom runs with recording off */
static ct_tensor *gradient_alone(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y;
    return ct_vjp(cx, gradient, user, x, n, NULL, &y, NULL) == CT_OK ? y : NULL;
}

/* <gy, J e_k> for entry k of input i; `at` is that entry of v[i], and is 0 */
static ct_status slope_at(ct_function f, const ct_custom_call *c, ct_tensor *const *v,
                          ct_tensor *at, int64_t k, double *slope)
{
    ct_tensor *jv;
    ct_status status = ct_set(at, &k, 1, 1);
    if (status == CT_OK)
        status = ct_jvp(c->cx, f, c->user, c->x, v, c->n, NULL, &jv);
    if (status != CT_OK)
        return status;
    *slope = ct_item(ct_sum(ct_mul(jv, c->gy)));
    return ct_set(at, &k, 1, 0);
}

/* gx by one jvp for each entry */
static ct_status by_tangents(ct_function f, const ct_custom_call *c, ct_tensor **gx)
{
    ct_tensor *v[MOST];
    for (int i = 0; i < c->n; i++)
        v[i] = ct_zeros_like(c->x[i]);
    for (int i = 0; i < c->n; i++) {
        gx[i] = ct_zeros_like(c->x[i]);
        for (int64_t k = 0; k < ct_count(c->x[i]); k++) {
            ct_scope scope = ct_scope_begin(c->cx);
            double slope = NAN;
            ct_status status = slope_at(f, c, v, ct_reshape(v[i], CT_SHAPE(-1)), k, &slope);
            if (status == CT_OK)
                status = ct_set(ct_reshape(gx[i], CT_SHAPE(-1)), &k, 1, slope);
            ct_scope_end(c->cx, scope);
            if (status != CT_OK)
                return status;
        }
    }
    return CT_OK;
}

static ct_status value_rule(const ct_custom_call *c, ct_tensor **gx)
{
    return by_tangents(value, c, gx);
}

static ct_status gradient_rule(const ct_custom_call *c, ct_tensor **gx)
{
    return by_tangents(gradient, c, gx);
}

static ct_tensor *value_forward(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    return ct_custom(cx, value, value_rule, user, x, n);
}

static ct_tensor *gradient_forward(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    return ct_custom(cx, gradient_alone, gradient_rule, user, x, n);
}

/* -- The worst entry */
static void take(row *w, double error, double bar)
{
    if (!(error / bar <= w->error / w->bar) || w->bar == 0)
        w->error = error, w->bar = bar;
}

static void take_report(ct_context *cx, row *w, const ct_gradcheck_report *r)
{
    double size = fmax(fabs(r->analytic), fabs(r->numeric));
    take(w, fabs(r->analytic - r->numeric), 2 * r->bar + 1e-9 + 1e-6 * size);
    w->entries += r->compared;
    if (r->verdict == CT_GRADCHECK_PASS || w->verdict != CT_GRADCHECK_PASS)
        return;
    const char *text = ct_gradcheck_text(cx, r);
    w->verdict = r->verdict;
    snprintf(w->text, sizeof w->text, "%s", text ? text : "");
    snprintf(w->diagnosis, sizeof w->diagnosis, "%s", r->diagnosis);
}

/* -- The ways */
static bool empty(const sampled *s)
{
    int64_t count = 0;
    for (int i = 0; i < s->count; i++)
        count += ct_count(s->floats[i]);
    return count == 0;
}

static void forward_at(ct_context *cx, row *w, sampled *s)
{
    ct_gradcheck_report report;
    ct_function f = w->order == 2 ? gradient_forward : value_forward;
    ct_gradcheck(cx, f, s, s->floats, s->count, NULL, &report);
    take_report(cx, w, &report);
}

/* the gradient of <weights, value> at these inputs, into out; or by tangents */
static ct_status gradient_at(ct_context *cx, sampled *s, ct_tensor *const *x, bool forward,
                             ct_tensor **gx)
{
    ct_tensor *y = NULL;
    ct_status status = ct_vjp(cx, value, s, x, s->count, NULL, &y, NULL);
    ct_tensor *u = status == CT_OK ? weights_like(y) : NULL;
    if (!u)
        return status;
    const ct_custom_call call = { cx, x, s->count, y, u, s };
    return forward ? by_tangents(value, &call, gx)
                   : ct_vjp(cx, value, s, x, s->count, u, NULL, gx);
}

static void compare_f32(row *w, ct_tensor *single, ct_tensor *twice, double largest)
{
    const double *a = ct_data(ct_contiguous(ct_cast(single, CT_F64)));
    const double *n = ct_data(ct_contiguous(twice));
    int64_t count = a && n ? ct_count(twice) : 0;
    for (int64_t k = 0; k < count; k++) {
        double allowed = 1e-3 * fabs(n[k]) + 1e-4 * largest;
        take(w, fabs(a[k] - n[k]), allowed);
        w->entries++;
        if (fabs(a[k] - n[k]) <= allowed || w->verdict != CT_GRADCHECK_PASS)
            continue;
        w->verdict = CT_GRADCHECK_FAIL;
        snprintf(w->diagnosis, sizeof w->diagnosis, "entry %lld is %g in f32 and %g in f64",
                 (long long)k, a[k], n[k]);
        snprintf(w->text, sizeof w->text, "%s", w->diagnosis);
    }
}

/* false: the operator does not take f32 */
static bool f32_at(ct_context *cx, row *w, sampled *s)
{
    ct_tensor *f32[MOST], *f64[MOST], *single[MOST], *twice[MOST];
    for (int i = 0; i < s->count; i++) {
        f32[i] = ct_cast(s->floats[i], CT_F32);
        f64[i] = ct_cast(f32[i], CT_F64);
    }
    ct_status status = gradient_at(cx, s, f32, w->forward, single);
    if (status == CT_ERROR_DTYPE)
        return false;
    if (status == CT_OK)
        status = gradient_at(cx, s, f64, false, twice);
    for (int i = 0; i < s->count && status == CT_OK; i++) {
        double largest = ct_count(twice[i]) > 0 ? ct_item(ct_max(ct_abs(twice[i]))) : 0;
        compare_f32(w, single[i], twice[i], largest);
    }
    if (status != CT_OK) {
        w->verdict = CT_GRADCHECK_INVALID;
        snprintf(w->text, sizeof w->text, "%s", ct_error_text(cx));
        snprintf(w->diagnosis, sizeof w->diagnosis, "%.150s", ct_error_text(cx));
    }
    return true;
}

static bool check_samples(ct_context *cx, row *w)
{
    static _Alignas(16) char attributes[4096];
    bool exists = true, more = w->op->attributes_size <= sizeof attributes;
    for (int k = 0; more && exists; k++) {
        ct_scope scope = ct_scope_begin(cx);
        sampled s;
        more = draw(cx, &s, w->op, k, attributes);
        if (more && !empty(&s) && w->dtype == CT_F32)
            exists = f32_at(cx, w, &s);
        else if (more && !empty(&s))
            forward_at(cx, w, &s);
        ct_error_clear(cx);
        ct_scope_end(cx, scope);
    }
    return exists;
}

bool check_row(ct_context *cx, row *w)
{
    ct_gradcheck_report report;
    if (w->forward && !w->op->vjp && !w->op->jvp)
        return false;
    if (w->order == 2 && !w->op->vjp)
        return false;
    if (w->dtype == CT_F32 || w->forward)
        return check_samples(cx, w);
    ct_scope scope = ct_scope_begin(cx);
    ct_gradcheck_op(cx, w->op, &(ct_gradcheck_options){ .order = w->order }, &report);
    take_report(cx, w, &report);
    ct_error_clear(cx);
    ct_scope_end(cx, scope);
    return true;
}
