/* ct_module_lbfgs: ct_lbfgs, whose x is all parameters of a module behind each other.
 *
 * The loss reaches the parameters by itself. So f writes x into them, takes the loss and its
 * gradient g, and returns loss + <g, x - x0> with x0 = x: this has the value and the gradient. */
#include "module.h"

static const char *const who = "module_lbfgs";

typedef struct fit {
    ct_module *m;
    ct_module_loss loss;
    void *user;
    ct_tensor **w, **g; /* the parameters, retained; room for their gradients */
    int n;
    int64_t count;      /* of numbers in all parameters */
} fit;

/* where element k, counted in row-major order, lies */
static int64_t place(const ct_tensor *t, int64_t k)
{
    int64_t at = 0;
    for (int d = ct_ndim(t) - 1; d >= 0; k /= ct_shape(t)[d--])
        at += k % ct_shape(t)[d] * ct_strides(t)[d];
    return at;
}

static void get(const fit *f, double *x)
{
    for (int i = 0; i < f->n; x += ct_count(f->w[i++])) {
        const ct_tensor *w = f->w[i];
        const float *f32 = ct_data(w);
        const double *f64 = ct_data(w);
        for (int64_t k = 0; k < ct_count(w); k++)
            x[k] = ct_dtype_of(w) == CT_F32 ? (double)f32[place(w, k)] : f64[place(w, k)];
    }
}

/* Recording is off. It needs no memory, and so does not fail for want of it. */
static ct_status put(const fit *f, const double *x)
{
    ct_status status = CT_OK;
    for (int i = 0; i < f->n && status == CT_OK; x += ct_count(f->w[i++])) {
        ct_tensor *w = f->w[i];
        float *f32 = ct_data_mutable(w);
        double *f64 = ct_data_mutable(w);
        if (!f32)
            status = ct_error(f->m->cx);
        for (int64_t k = 0; f32 && k < ct_count(w); k++)
            if (ct_dtype_of(w) == CT_F32)
                f32[place(w, k)] = (float)x[k];
            else
                f64[place(w, k)] = x[k];
    }
    return status;
}

static bool is_loss(const fit *f, ct_tensor *y)
{
    ct_context *cx = f->m->cx;
    char shape[CT_SHAPE_TEXT];
    if (!y)
        return ct_fail(cx, CT_ERROR_CALLBACK, "%s: the loss failed without saying why", who), false;
    if (!ct_usable(y, who))
        return false;
    if (ct_context_of(y) != cx)
        return ct_fail(cx, CT_ERROR_CONTEXT, "%s: the loss is of another context", who), false;
    if (ct_count(y) == 1 && ct_requires_grad(y))
        return true;
    if (ct_count(y) == 1)
        return ct_fail(cx, CT_ERROR_GRAPH, "%s: the loss depends on no variable", who), false;
    ct_fail(cx, CT_ERROR_SHAPE, "%s: the loss must be one number, and has shape %s", who,
            ct_shape_text(y, shape));
    return false;
}

static ct_tensor *value(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    const fit *f = user;
    ct_scope scope = ct_scope_begin(cx);
    (void)n;
    if (!scope)
        return NULL;
    ct_no_grad(cx);
    ct_status status = put(f, ct_data(x[0]));
    ct_scope_end(cx, scope);
    if (status != CT_OK)
        return NULL;
    ct_tensor *y = f->loss(f->m, f->user), *g = ct_empty(cx, CT_F64, &f->count, 1);
    if (!is_loss(f, y) || !g || ct_grad(y, NULL, f->w, f->n, CT_ZERO_PATH, f->g) != CT_OK)
        return NULL;
    double *to = ct_data_mutable(g);
    for (int i = 0; i < f->n; to += ct_count(f->g[i++]))
        ct_to_doubles(f->g[i], to, ct_count(f->g[i]));
    ct_tensor *loss = ct_cast(ct_reshape(ct_detach(y), NULL, 0), CT_F64);
    return ct_add(loss, ct_dot(g, ct_sub(x[0], ct_detach(x[0]))));
}

static ct_status minimize(fit *f, const ct_minimize_options *options, ct_minimize_report *report)
{
    ct_tensor *x = ct_empty(f->m->cx, CT_F64, &f->count, 1);
    double *data = ct_data_mutable(x);
    if (!data)
        return ct_error(f->m->cx);
    get(f, data);
    ct_status status = ct_lbfgs(f->m->cx, value, f, data, f->count, options, report);
    ct_status put_back = put(f, data);
    return status == CT_OK ? put_back : status;
}

ct_status ct_module_lbfgs(ct_module *m, ct_module_loss loss, void *user,
                          const ct_minimize_options *options, ct_minimize_report *report)
{
    fit f = { .m = m, .loss = loss, .user = user };
    if (report)
        *report = (ct_minimize_report){ 0 };
    if (!ct__module_alive(m, who))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_context *cx = m->cx;
    if (!loss)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the loss is NULL", who);
    ct_tensor *const *w = ct_module_parameters(m, &f.n);
    if (!w || f.n == 0)
        return w ? ct_fail(cx, CT_ERROR_VALUE, "%s: this %s has no parameters", who, m->kind)
                 : ct_error(cx);
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return ct_error(cx);
    ct_no_grad(cx);
    f.w = ct_object_new(cx, 2 * (size_t)f.n * sizeof *f.w, NULL);
    ct_status status = f.w ? CT_OK : ct_error(cx);
    f.g = f.w ? f.w + f.n : NULL;
    for (int i = 0; i < f.n && f.w; i++) { /* the loss may change the module, and its list */
        f.w[i] = ct_retain(w[i]);
        f.count += ct_count(w[i]);
    }
    if (status == CT_OK)
        status = minimize(&f, options, report);
    for (int i = 0; i < f.n && f.w; i++)
        ct_release(f.w[i]);
    ct_object_free(f.w);
    ct_scope_end(cx, scope);
    return status;
}
