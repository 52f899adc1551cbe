/* What must hold of an operator's rules beside the derivative being right at its samples: the
 * same gradient by either rule, for any layout, for each input alone, added or stored; linear
 * in the cotangent; in f32 as in f64. Each is one run of the operator in a variant, against the
 * plain run. */
#include <math.h>
#include <stdio.h>

#include "checker.h"

typedef struct variant {
    const char *wrong;    /* what it means if it differs */
    const ct_op *op;      /* another operator in its place */
    bool strided;         /* inputs and cotangent are not contiguous */
    bool twice;           /* y + y, so that the second cotangent is added to the first */
    int only;             /* 1 + the input that alone requires grad; 0: all */
    ct_dtype dtype;       /* of float inputs; 0: f64 */
    const double *u;
    /* as near as this, and this part of the largest element; 0: but for rounding */
    double relative, absolute;
} variant;

typedef struct structure {
    ct__check *c;
    const ct__trial *t;
    int64_t entries, outputs;
    double *y, *g, *u; /* the plain run */
    double *y2, *g2;   /* a variant */
    bool refused;      /* the variant's dtype, by the operator: there is nothing to compare */
} structure;

/* -- Inputs of a variant */
/* x, row-major or with the first axis fastest and gaps of NaN between elements */
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
    for (int64_t k = 0; data && ct__is_float(dtype) && k < 2 * x->count; k++)
        ct__store(data + (size_t)k * size, dtype, NAN);
    ct__part to = { .x = data ? ct_borrow(c->cx, dtype, ct__shape(x), x->ndim, data,
                                          &(ct_borrow_options){ .strides = strides }) : NULL };
    if (!to.x)
        return NULL;
    for (int64_t k = 0; k < x->count; k++) {
        int64_t from = 0, at = 0, rest = k;
        for (int d = x->ndim - 1; d >= 0; d--) {
            from += rest % ct__shape(x)[d] * ct__strides(x)[d];
            at += rest % ct__shape(x)[d] * strides[d];
            rest /= ct__shape(x)[d];
        }
        const char *source = x->data + from * (int64_t)ct__dtype_size(x->dtype);
        if (x->dtype == dtype)
            memcpy(data + at * (int64_t)size, source, size);
        else
            ct__store(data + at * (int64_t)size, dtype, ct__load(source, x->dtype));
    }
    return to.x;
}

static ct_tensor *cotangent(ct__check *c, const variant *v, const ct_tensor *y)
{
    ct_tensor *u = ct_empty_like(y);
    for (int64_t k = 0; u && k < y->count; k++)
        ct__store(u->data + (size_t)k * ct__dtype_size(u->dtype), u->dtype, v->u[k]);
    return u && v->strided ? laid_out(c, u, u->dtype, true) : u;
}

static ct_tensor *apply(const structure *s, const variant *v, ct_tensor **x)
{
    ct__check *c = s->c;
    ct__trial t = *s->t;
    if (v->op)
        t.op = v->op;
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    ct_tensor *y = ct__trial_apply(c->cx, x, c->n, &t);
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    return y && v->twice ? ct_add(y, ct__trial_apply(c->cx, x, c->n, &t)) : y;
}

/* -- Runs */
static bool run_in_scope(structure *s, const variant *v, double *y_out, double *g_out)
{
    ct__check *c = s->c;
    ct_tensor **x = ct__check_room(c, c->n, sizeof *x), **g = ct__check_room(c, c->n, sizeof *g);
    ct_tensor **wanted = ct__check_room(c, c->n, sizeof *wanted), *y, *u;
    int n = 0;
    for (int i = 0; x && wanted && g && i < c->n; i++) {
        ct_dtype dtype = (ct_dtype)c->given[i]->dtype;
        bool is_float = ct__is_float(dtype);
        x[i] = laid_out(c, c->given[i], is_float && v->dtype ? v->dtype : dtype, v->strided);
        if (x[i] && is_float && (v->only == 0 || v->only == i + 1))
            wanted[n++] = ct_variable(x[i]);
    }
    y = x && wanted && g ? apply(s, v, x) : NULL;
    s->refused = !y && v->dtype && ct_error(c->cx) == CT_ERROR_DTYPE;
    if (s->refused) {
        ct_error_clear(c->cx);
        return true;
    }
    if (y && y->count != s->outputs)
        return ct__check_invalid(c, "%s: another number of elements", v->wrong);
    if (y)
        ct_to_doubles(y, y_out, y->count);
    u = y ? cotangent(c, v, y) : NULL;
    bool done = u && ct__grad(y, u, wanted, n, CT_ZERO_PATH, g) == CT_OK;
    for (int i = 0; i < n && done; i++) {
        ct_to_doubles(g[i], g_out, g[i]->count);
        g_out += g[i]->count;
    }
    return done || ct__check_invalid(c, "%s: %s", v->wrong, ct_error_text(c->cx));
}

static bool run(structure *s, const variant *v, double *y, double *g)
{
    ct__scope scope;
    ct__scope_push(s->c->cx, &scope);
    bool done = run_in_scope(s, v, y, g);
    ct__scope_pop(s->c->cx, &scope);
    return done;
}

/* -- Comparisons */
static int64_t worst_of(const double *a, const double *b, int64_t n, const variant *v)
{
    double largest = 0, times = v->twice ? 2 : 1;
    double relative = v->relative > 0 ? v->relative : 1e-9;
    double absolute = v->absolute > 0 ? v->absolute : 1e-12;
    for (int64_t k = 0; k < n; k++)
        largest = fmax(largest, fabs(b[k]));
    for (int64_t k = 0; k < n; k++)
        if (!(fabs(a[k] - times * b[k]) <= relative * fabs(b[k]) + absolute * largest))
            return k;
    return -1;
}

/* at entry k */
static bool fail(structure *s, const char *wrong, int64_t k, double is, double wanted)
{
    ct__check *c = s->c;
    ct_gradcheck_report *r = c->report;
    c->verdict = CT_GRADCHECK_FAIL;
    ct__check_place(c, k);
    r->order = 1, r->wrong++;
    r->analytic = is, r->numeric = r->left = r->right = wanted, r->bar = r->step = 0;
    snprintf(r->diagnosis, sizeof r->diagnosis, "%s", wrong);
    return true;
}

/* the variant's gradient against the plain one, from entry `first` on */
static bool compare(structure *s, const variant *v, int64_t first, int64_t count)
{
    if (s->c->verdict == CT_GRADCHECK_FAIL)
        return true;
    if (!run(s, v, s->y2, s->g2))
        return false;
    if (s->refused)
        return true;
    int64_t k = worst_of(s->g2, s->g + first, count, v);
    if (k >= 0)
        return fail(s, v->wrong, first + k, s->g2[k],
                    s->g[first + k] * (v->twice ? 2 : 1));
    if (!v->twice && worst_of(s->y2, s->y, s->outputs, v) >= 0) {
        s->c->verdict = CT_GRADCHECK_FAIL;
        s->c->report->wrong++;
        snprintf(s->c->report->diagnosis, sizeof s->c->report->diagnosis, "%s: the value itself",
                 v->wrong);
    }
    return true;
}

/* g(u + 2 w) = g(u) + 2 g(w), and g(0) = 0 exactly */
static bool compare_linear(structure *s)
{
    double *w = ct__check_room(s->c, s->outputs, sizeof *w);
    double *g = ct__check_room(s->c, s->entries, sizeof *g);
    if (!w || !g)
        return false;
    const variant zero = { .wrong = "a cotangent of zero does not give zero", .u = w };
    if (!run(s, &zero, s->y2, s->g2))
        return false;
    for (int64_t k = 0; k < s->entries; k++)
        if (s->g2[k] != 0)
            return fail(s, zero.wrong, k, s->g2[k], 0);
    for (int64_t j = 0; j < s->outputs; j++)
        w[j] = ct__check_random(s->c);
    variant v = { .wrong = "not linear in the cotangent", .u = w, .absolute = 1e-9 };
    if (!run(s, &v, s->y2, g))
        return false;
    for (int64_t j = 0; j < s->outputs; j++)
        w[j] = s->u[j] + 2 * w[j];
    for (int64_t k = 0; k < s->entries; k++)
        g[k] = s->g[k] + 2 * g[k];
    if (!run(s, &v, s->y2, s->g2))
        return false;
    int64_t k = worst_of(s->g2, g, s->entries, &v);
    return k < 0 || fail(s, v.wrong, k, s->g2[k], g[k]);
}

static bool compare_all(structure *s)
{
    ct__check *c = s->c;
    ct_op composed = *s->t->op;
    const double *u = s->u;
    composed.backward = NULL;
    bool both = s->t->op->vjp && s->t->op->backward, done = true;
    const variant variants[] = {
        { .wrong = "vjp differs from backward", .op = both ? &composed : NULL, .u = u },
        { .wrong = "a cotangent that is added to another is not added right", .u = u,
          .twice = true },
        { .wrong = "differs for inputs or cotangents that are not contiguous", .strided = true,
          .u = u },
        { .wrong = "vjp differs for inputs or cotangents that are not contiguous", .strided = true,
          .op = both ? &composed : NULL, .u = u },
        { .wrong = "differs in f32", .dtype = CT_F32, .relative = 1e-3, .absolute = 1e-4, .u = u },
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants && done; i++)
        done = compare(s, &variants[i], 0, s->entries);
    for (int i = 0; i < c->inputs && done; i++) {
        const ct__part *part = &c->parts[i];
        done = compare(s, &(variant){ .wrong = "differs if only one input requires grad", .u = u,
                                      .only = part->input + 1 }, part->first, part->count);
    }
    return done && (c->verdict == CT_GRADCHECK_FAIL || compare_linear(s));
}

static bool count_outputs(structure *s)
{
    ct__check *c = s->c;
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    c->cx->recording = false;
    ct_tensor *y = apply(s, &(variant){ .twice = false }, c->x);
    s->outputs = y ? y->count : -1;
    ct__scope_pop(c->cx, &scope);
    return y || ct__check_invalid(c, "the operator failed: %s", ct_error_text(c->cx));
}

bool ct__check_structure(ct__check *c, const ct__trial *t)
{
    structure s = { .c = c, .t = t };
    if (c->inputs == 0 || !count_outputs(&s))
        return c->inputs == 0;
    const ct__part *last = &c->parts[c->inputs - 1];
    s.entries = last->first + last->count;
    s.y = ct__check_room(c, 3 * s.outputs + 2 * s.entries, sizeof *s.y);
    if (!s.y)
        return false;
    s.y2 = s.y + s.outputs, s.u = s.y2 + s.outputs;
    s.g = s.u + s.outputs, s.g2 = s.g + s.entries;
    for (int64_t j = 0; j < s.outputs; j++)
        s.u[j] = ct__check_random(c);
    return run(&s, &(variant){ .wrong = "the operator failed", .u = s.u }, s.y, s.g) &&
           compare_all(&s);
}
