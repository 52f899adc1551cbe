/* ct_fixed_point and ct_root: x as a function of w.
 *
 * x = g(x, w): dx = g_x dx + g_w dw, so dx = (I - g_x)^-1 g_w dw, and
 *     gw = g_w^T v   where   v = gx + g_x^T v.
 * 0 = f(x, w): dx = -f_x^-1 f_w dw, and
 *     gw = f_w^T v   where   0 = gx + f_x^T v.
 * In both v solves an equation of the kind that x solves: v is a fixed point, or a root, of
 *     h(v; gx, x, w) = gx + (d/dx)^T v.
 * So where the rule is recorded, v is made by the same operator, one `depth` further, with h as its
 * function, and derivatives of any order follow. */
#include "gmres.h"
#include "inner.h"

typedef struct implicit {
    ct_function f;
    void *user;
    bool root;        /* else it is a fixed point */
    int depth;        /* 0: f itself; d: h of the function of depth d - 1 */
    int n;            /* how many w there are at this depth */
    ct_tensor *value; /* while it is applied: x; later it is gone */
} implicit;

static ct_tensor *apply(ct_context *cx, implicit *a, ct_tensor *x, ct_tensor *const *w);

static ct_status implicit_infer(ct_call *call)
{
    const ct_tensor *x = ((const implicit *)call->attributes)->value;
    return ct_call_set_y(call, 0, x->dtype, ct__shape(x), x->ndim);
}

static ct_status implicit_forward(ct_call *call)
{
    ct__copy_out(call->y[0]->data, ((const implicit *)call->attributes)->value);
    return CT_OK;
}

static const char *name_of(const implicit *a)
{
    return a->root ? "root" : "fixed_point";
}

/* The function of that depth of x[0], ..., x[n]. It must have the shape of x[0]. */
static ct_tensor *evaluate(ct_context *cx, const implicit *a, int depth, ct_tensor *const *x, int n)
{
    if (depth > 0) { /* x is v, gx, x, w, ... */
        ct_tensor *inner = evaluate(cx, a, depth - 1, x + 2, n - 2), *part;
        ct__how how = { name_of(a), CT__RECORDED };
        bool good = inner && ct__grad_within(&how, inner, x[0], &x[2], 1, &part) == CT_OK;
        return good ? ct_add(x[1], part) : NULL;
    }
    ct_tensor *y = ct__evaluate(cx, name_of(a), a->f, a->user, x, n + 1);
    if (!y || (y->dtype == x[0]->dtype && ct__same_shape(y, x[0])))
        return y;
    char is[200], wants[200];
    ct__tensor_print(is, sizeof is, y, true);
    ct__tensor_print(wants, sizeof wants, x[0], true);
    return ct_fail(cx, CT_ERROR_SHAPE, "%s: the function must give %s, as x is, and gives %s",
                   name_of(a), wants, is),
           NULL;
}

static ct_tensor *run(ct_context *cx, const implicit *a, ct_tensor *const *x)
{
    const bool recording = cx->recording;
    cx->recording = true;
    ct_tensor *y = evaluate(cx, a, a->depth, x, a->n);
    cx->recording = recording;
    return y;
}

/* -- The linear system (I - g_x)^T v = gx, or -f_x^T v = gx */
typedef struct products {
    const implicit *a;
    ct_tensor *y, *x; /* the function's value, and its first argument */
} products;

static ct_status multiply(void *arg, const double *v, double *out)
{
    const products *p = arg;
    ct_tensor *x = p->x, *part;
    ct__scope scope;
    ct__tell(x->cx, "fixed_point or root");
    ct__scope_push(x->cx, &scope);
    ct_tensor *vt = ct_from_doubles(x->cx, x->dtype, ct__shape(x), x->ndim, v, x->count);
    ct__how how = { name_of(p->a), CT_ZERO_PATH };
    ct_status status = vt ? ct__grad_within(&how, p->y, vt, &x, 1, &part) : CT_ERROR_MEMORY;
    if (status == CT_OK)
        status = ct_to_doubles(part, out, x->count);
    for (int64_t i = 0; i < x->count && status == CT_OK; i++)
        out[i] = (p->a->root ? 0 : v[i]) - out[i];
    ct__scope_pop(x->cx, &scope);
    return status;
}

static ct_tensor *solve(products *p, const ct_tensor *gx)
{
    ct_context *cx = gx->cx;
    const bool small = gx->dtype == CT_F32;
    ct__system system = { .cx = cx, .n = gx->count, .apply = multiply, .arg = p,
                          .tolerance = small ? 1e-7 : 1e-15 };
    double *b = ct__scope_room(cx, ((size_t)gx->count + 1) * sizeof *b);
    double *v = ct__scope_room(cx, ((size_t)gx->count + 1) * sizeof *v);
    if (!b || !v || ct_to_doubles(gx, b, gx->count) != CT_OK || ct__gmres(&system, b, v) != CT_OK)
        return NULL;
    if (!(system.residual <= (small ? 1e-3 : 1e-6)))
        return ct_fail(cx, CT_ERROR_VALUE,
                       "%s: backward cannot solve the linear system of %lld unknowns: after %d "
                       "products the residual is %.1e of gx. Is its Jacobian singular there?",
                       name_of(p->a), (long long)gx->count, system.products, system.residual),
               NULL;
    return ct_from_doubles(cx, gx->dtype, ct__shape(gx), gx->ndim, v, gx->count);
}

/* v, by the same operator one depth further: its w are gx, x, w, ... */
static ct_tensor *recorded(const ct_call *call, ct_tensor *v, ct_tensor *gx, ct_tensor *const *xw)
{
    const implicit *a = call->attributes;
    implicit next = *a;
    ct_tensor **w = (void *)ct__scope_chars(call->cx, ((size_t)a->n + 2) * sizeof *w);
    if (!w)
        return NULL;
    w[0] = gx;
    for (int i = 0; i <= a->n; i++)
        w[1 + i] = xw[i];
    next.depth++;
    next.n += 2;
    return apply(call->cx, &next, v, w);
}

static ct_status run_again(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_context *cx = call->cx;
    const implicit *a = call->attributes;
    ct_tensor **xw = (void *)ct__scope_chars(cx, ((size_t)a->n + 1) * sizeof *xw);
    if (!xw)
        return CT_ERROR_MEMORY;
    xw[0] = call->y[0];
    for (int i = 0; i < a->n; i++)
        xw[1 + i] = call->x[i];
    ct_tensor **arguments = ct__arguments(cx, xw, a->n + 1, cx->recording);
    ct_tensor *y = arguments ? run(cx, a, arguments) : NULL;
    ct_tensor *v = y ? solve(&(products){ a, y, arguments[0] }, gy[0]) : NULL;
    if (v && cx->recording)
        v = recorded(call, v, gy[0], xw);
    return v ? ct__captured_vjp(call, y, v, arguments + 1, a->n, gx) : ct__failed(cx);
}

static ct_status implicit_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const bool repeating = call->cx->repeating;
    call->cx->repeating = true;
    ct_status status = run_again(call, gy, gx);
    call->cx->repeating = repeating;
    return status;
}

static const ct_op implicit_op = {
    .name = "implicit",
    .formula = "y = x, where x = g(x, w) or 0 = f(x, w)",
    .derivative = "gw = (dg/dw)^T v, v - (dg/dx)^T v = g; gw = (df/dw)^T v, -(df/dx)^T v = g",
    .saves = CT_SAVE_ALL_X | CT_SAVE_Y(0),
    .attributes_size = sizeof(implicit),
    .infer = implicit_infer,
    .forward = implicit_forward,
    .vjp = implicit_vjp,
};

/* The function runs once, so that what it captures is found, and its errors are seen here. */
static ct_tensor *apply(ct_context *cx, implicit *a, ct_tensor *x, ct_tensor *const *w)
{
    ct__stage s = { .cx = cx, .n = a->n, .who = name_of(a) };
    const bool recording = cx->recording;
    ct__tell(cx, "fixed_point or root");
    ct__scope_push(cx, &s.scope);
    ct_tensor **arguments = (void *)ct__scope_chars(cx, ((size_t)a->n + 1) * sizeof *arguments);
    ct_tensor **own = ct__arguments(cx, w, a->n, false), *y = NULL;
    a->value = x;
    if (arguments && own && (arguments[0] = ct_detach(x))) {
        for (int i = 0; i < a->n; i++)
            arguments[1 + i] = own[i];
        ct_tensor *value = run(cx, a, arguments);
        cx->recording = recording;
        if (value && !(recording && value->flags & CT__REQUIRES_GRAD))
            value = x; /* nothing to record */
        if (value)
            y = ct__apply_captured(&implicit_op, a, &(ct__staged){ &s, w, own, value });
    }
    ct__stage_end(&s);
    ct__hand_over(CT_OK, &y, 1);
    return y;
}

static ct_tensor *checked(ct_context *cx, implicit *a, ct_tensor *x, ct_tensor *const *w)
{
    ct__stage s = { .cx = cx, .n = a->n, .who = name_of(a) };
    if (ct__check_arguments(&s, a->f, w, NULL) != CT_OK)
        return NULL;
    if (!x)
        return ct_fail(cx, CT_ERROR_NULL, "%s: x is NULL", s.who), NULL;
    if (!ct__usable(x, s.who))
        return NULL;
    if (x->cx != cx || !ct__is_float(x->dtype))
        return ct_fail(cx, x->cx != cx ? CT_ERROR_CONTEXT : CT_ERROR_DTYPE,
                       "%s: x must be f32 or f64, of this context", s.who),
               NULL;
    ct_tensor *plain = ct_detach(x);
    return plain ? apply(cx, a, plain, w) : NULL;
}

ct_tensor *ct_fixed_point(ct_context *cx, ct_function g, void *user, ct_tensor *x,
                          ct_tensor *const *w, int n)
{
    return checked(cx, &(implicit){ .f = g, .user = user, .n = n }, x, w);
}

ct_tensor *ct_root(ct_context *cx, ct_function f, void *user, ct_tensor *x, ct_tensor *const *w,
                   int n)
{
    return checked(cx, &(implicit){ .f = f, .user = user, .n = n, .root = true }, x, w);
}
