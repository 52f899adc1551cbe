/* Runs of an operator in a variant: the inputs are laid out, the operator is applied, and its rule
 * gives the gradient. */
#include <math.h>

#include "trial.h"

/* the place of element k, counted in row-major order, in elements from the first */
static int64_t offset_of(const ct_tensor *x, const int64_t *strides, int64_t k)
{
    int64_t offset = 0;
    for (int d = x->ndim - 1; d >= 0; d--) {
        offset += k % ct__shape(x)[d] * strides[d];
        k /= ct__shape(x)[d];
    }
    return offset;
}

static char *element(const ct_tensor *x, int64_t k)
{
    return x->data + offset_of(x, ct__strides(x), k) * (int64_t)ct__dtype_size(x->dtype);
}

/* -- Inputs and cotangent */
/* a copy of x: row-major; or `strided`, with the first axis fastest and a NaN after each element */
static ct_tensor *laid_out(ct__check *c, const ct_tensor *x, ct_dtype dtype, bool strided)
{
    size_t size = ct__dtype_size(dtype);
    int64_t strides[CT_MAX_DIMS], stride = 2;
    if (!strided)
        ct__row_major(ct__shape(x), x->ndim, strides);
    for (int d = 0; strided && d < x->ndim; d++) {
        strides[d] = stride;
        stride *= ct__shape(x)[d] > 1 ? ct__shape(x)[d] : 1;
    }
    char *data = ct__check_room(c, 2 * x->count + 1, size);
    if (!data)
        return NULL;
    for (int64_t k = 0; ct__is_float(dtype) && k < 2 * x->count; k++)
        ct__store(data + (size_t)k * size, dtype, NAN);
    for (int64_t k = 0; k < x->count; k++) {
        char *to = data + offset_of(x, strides, k) * (int64_t)size;
        if (x->dtype == dtype)
            memcpy(to, element(x, k), size);
        else
            ct__store(to, dtype, ct__load(element(x, k), x->dtype));
    }
    return ct_borrow(c->cx, dtype, ct__shape(x), x->ndim, data,
                     &(ct_borrow_options){ .strides = strides });
}

/* fills x, and `wanted` with those of them that require grad; returns how many these are */
static int lay_out_inputs(const ct__runs *s, const ct__variant *v, ct_tensor **x,
                          ct_tensor **wanted)
{
    int count = 0;
    for (int i = 0; i < s->c->n; i++) {
        const ct_tensor *given = s->c->given[i];
        ct_dtype dtype = given->dtype;
        bool is_float = ct__is_float(dtype);
        x[i] = laid_out(s->c, given, is_float && v->dtype ? v->dtype : dtype, v->strided);
        if (x[i] && is_float && (v->only == 0 || v->only == i + 1))
            wanted[count++] = ct_variable(x[i]);
    }
    return count;
}

static ct_tensor *cotangent(ct__check *c, const ct__variant *v, const ct_tensor *y)
{
    ct_tensor *u = ct_empty_like(y);
    for (int64_t k = 0; u && k < y->count; k++)
        ct__store(element(u, k), u->dtype, v->u[k]);
    return u && v->strided ? laid_out(c, u, u->dtype, true) : u;
}

/* -- Overwriting */
/* integers stay among valid ones: they come nearer to 0, or are turned about their middle */
static int64_t other_integer(int64_t value, int64_t least, int64_t most, int fill)
{
    if (fill == 0)
        return value - (value > 0) + (value < 0);
    return fill == 1 ? (int64_t)((uint64_t)least + (uint64_t)most - (uint64_t)value) : value;
}

static void overwrite_integers(const ct_tensor *t, int fill)
{
    int64_t least = INT64_MAX, most = INT64_MIN, value;
    for (int64_t k = 0; k < t->count; k++) {
        memcpy(&value, element(t, k), sizeof value);
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    for (int64_t k = 0; k < t->count; k++) {
        memcpy(&value, element(t, k), sizeof value);
        value = other_integer(value, least, most, fill);
        memcpy(element(t, k), &value, sizeof value);
    }
}

/* each fill changes what another kind of rule makes of t: a NaN is neither positive nor negative,
 * and a rule that only asks for the sign, or for 0, sees another one */
static void overwrite(const ct_tensor *t, int fill)
{
    static const double floats[CT__FILLS] = { NAN, -1, 0, 1 };
    if (t->dtype == CT_I64)
        overwrite_integers(t, fill);
    for (int64_t k = 0; k < t->count && t->dtype != CT_I64; k++) {
        if (t->dtype == CT_BOOL)
            *element(t, k) = fill == 0 ? !*element(t, k) : fill == 1;
        else
            ct__store(element(t, k), t->dtype, floats[fill]);
    }
}

/* auxiliary i of the vertex that the outputs were recorded as; NULL if there is none */
static ct_tensor *auxiliary(ct_tensor *const *y, int i)
{
    for (int k = 0; k < CT__TRIAL_OUTPUTS && y[k]; k++) {
        const ct_tensor *vertex = y[k];
        if (vertex->op == &ct__output_op)
            vertex = ct__inputs(vertex)[0];
        if (vertex->op && vertex->extra)
            return i < vertex->extra->aux_count ? vertex->extra->aux[i] : NULL;
    }
    return NULL;
}

/* false: there is no such target */
static bool hit(const ct__target *target, ct_tensor *const *x, ct_tensor *const *y)
{
    const ct_tensor *t = target->kind == CT__INPUT    ? x[target->index]
                         : target->kind == CT__OUTPUT ? y[target->index]
                                                      : auxiliary(y, target->index);
    if (t)
        overwrite(t, target->fill);
    return t != NULL;
}

/* -- Runs */
static ct_tensor *apply(const ct__runs *s, const ct__variant *v, ct_tensor **x, ct_tensor **y)
{
    ct__check *c = s->c;
    ct__trial t = *s->t;
    if (v->op)
        t.op = v->op;
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    ct_tensor *value = ct__trial_outputs(c->cx, &t, x, c->n, y);
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    return value && v->twice ? ct_add(value, ct__trial_apply(c->cx, x, c->n, &t)) : value;
}

/* makes the verdict INVALID, after a call that failed */
static bool failed(ct__check *c, const ct__variant *v)
{
    bool memory = ct_error(c->cx) == CT_ERROR_MEMORY;
    return ct__check_invalid(c, "%s%s%s", memory ? "" : v->wrong, memory ? "" : ": ",
                             ct_error_text(c->cx));
}

static bool run_in_scope(ct__runs *s, const ct__variant *v, double *y_out, double *g_out)
{
    ct__check *c = s->c;
    ct_tensor *outputs[CT__TRIAL_OUTPUTS] = { NULL };
    ct_tensor **x = ct__check_room(c, 3 * (int64_t)c->n, sizeof *x);
    if (!x)
        return false;
    ct_tensor **wanted = x + c->n, **g = wanted + c->n;
    int n = lay_out_inputs(s, v, x, wanted);
    ct_tensor *y = apply(s, v, x, outputs);
    s->skipped = !y && v->dtype && ct_error(c->cx) == CT_ERROR_DTYPE;
    if (s->skipped)
        return ct_error_clear(c->cx), true;
    if (y && y->count != s->outputs)
        return ct__check_invalid(c, "%s: another number of elements", v->wrong);
    ct_tensor *u = y ? cotangent(c, v, y) : NULL;
    if (!u)
        return failed(c, v);
    ct_to_doubles(y, y_out, y->count);
    s->skipped = v->target.kind != CT__NOTHING && !hit(&v->target, x, outputs);
    if (s->skipped)
        return true;
    if (ct__grad(y, u, wanted, n, CT_ZERO_PATH, g) != CT_OK)
        return failed(c, v);
    for (int i = 0; i < n; g_out += g[i]->count, i++)
        ct_to_doubles(g[i], g_out, g[i]->count);
    return true;
}

bool ct__run(ct__runs *s, const ct__variant *v, double *y, double *g)
{
    ct__scope scope;
    ct__scope_push(s->c->cx, &scope);
    bool done = run_in_scope(s, v, y, g);
    ct__scope_pop(s->c->cx, &scope);
    return done;
}

int64_t ct__run_differs(const ct__variant *v, const double *a, const double *plain, int64_t n)
{
    double largest = 0, times = v->twice ? 2 : 1;
    double relative = v->relative > 0 ? v->relative : 1e-9;
    double absolute = v->absolute > 0 ? v->absolute : 1e-12;
    for (int64_t k = 0; k < n; k++)
        largest = fmax(largest, fabs(plain[k]));
    for (int64_t k = 0; k < n; k++)
        if (!(fabs(a[k] - times * plain[k]) <= relative * fabs(plain[k]) + absolute * largest))
            return k;
    return -1;
}

/* -- The plain run */
static bool count_outputs(ct__runs *s)
{
    ct__check *c = s->c;
    ct_tensor *outputs[CT__TRIAL_OUTPUTS] = { NULL };
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    c->cx->recording = false;
    ct_tensor *y = apply(s, &(ct__variant){ .twice = false }, c->x, outputs);
    s->outputs = y ? y->count : -1;
    ct__scope_pop(c->cx, &scope);
    return y || ct__check_failed(c, "the operator");
}

bool ct__runs_begin(ct__runs *s, ct__check *c, const ct__trial *t)
{
    *s = (ct__runs){ .c = c, .t = t };
    if (!count_outputs(s))
        return false;
    const ct__part *last = &c->parts[c->inputs - 1];
    s->entries = last->first + last->count;
    s->y = ct__check_room(c, 3 * s->outputs + 2 * s->entries, sizeof *s->y);
    if (!s->y)
        return false;
    s->y2 = s->y + s->outputs, s->u = s->y2 + s->outputs;
    s->g = s->u + s->outputs, s->g2 = s->g + s->entries;
    for (int64_t j = 0; j < s->outputs; j++)
        s->u[j] = ct__check_random(c);
    return ct__run(s, &(ct__variant){ .wrong = "the operator failed", .u = s->u }, s->y, s->g);
}
