/* Runs of an operator in a variant: the inputs are laid out, the operator is applied, and its rule
 * gives the gradient. Neither may write into the inputs, and the rule not into the cotangent. */
#include <math.h>

#include "trial.h"

enum { STEADY = 2 };

/* -- Inputs and cotangent */
/* the layout of the tensor with this number: the inputs', and then the cotangent */
static ct__form form_of(const ct__variant *v, ct__form form, int number)
{
    if (form != CT__DRAWN)
        return form;
    return (ct__form)(ct_random_at(v->draw, (uint64_t)number) % CT__FORMS);
}

/* as the variant says; or with the same values, row-major */
static ct_tensor *lay_out(ct__check *c, const ct__variant *v, const ct_tensor *x, ct_dtype dtype,
                          ct__form form)
{
    ct_tensor *out = ct__laid_out(c, x, dtype, form);
    return out && v->flat && form != CT__ROWS ? ct__laid_out(c, out, dtype, CT__ROWS) : out;
}

/* fills x, and `wanted` with those of them that require grad; returns how many these are */
static int lay_out_inputs(const ct__runs *s, const ct__variant *v, ct_tensor **x,
                          ct_tensor **wanted)
{
    int count = 0;
    for (int i = 0; i < s->c->n; i++) {
        bool same = v->same == i + 1 && !v->flat; /* flat: an equal one */
        const ct_tensor *given = s->c->given[v->same == i + 1 ? v->as : i];
        ct_dtype dtype = given->dtype;
        bool is_float = ct__is_float(dtype);
        if (same)
            x[i] = x[v->as];
        else
            x[i] = lay_out(s->c, v, given, is_float && v->dtype ? v->dtype : dtype,
                           is_float ? form_of(v, v->x, i) : CT__ROWS);
        if (x[i] && is_float && !v->quiet && (v->only == 0 || v->only == i + 1))
            wanted[count++] = ct_variable(x[i]);
    }
    return count;
}

static ct_tensor *cotangent(ct__check *c, const ct__variant *v, const ct_tensor *y)
{
    ct_tensor *u = ct_empty_like(y);
    for (int64_t k = 0; u && k < y->count; k++)
        ct__store(ct__element_at(u, k), u->dtype, v->u[k]);
    ct__form form = v->gy == CT__FRESH ? CT__ROWS : form_of(v, v->gy, c->n);
    return u && form != CT__ROWS ? lay_out(c, v, u, u->dtype, form) : u;
}

/* -- Nothing is written to */
typedef struct snapshot {
    ct_tensor *x;
    char *bytes;
} snapshot;

static bool remember(ct__check *c, ct_tensor *x, snapshot *s)
{
    size_t size = ct__dtype_size(x->dtype);
    s->x = x, s->bytes = ct__check_room(c, x->count, size);
    for (int64_t k = 0; s->bytes && k < x->count; k++)
        memcpy(s->bytes + (size_t)k * size, ct__element_at(x, k), size);
    return s->bytes != NULL;
}

static bool is_kept(const snapshot *s)
{
    size_t size = ct__dtype_size(s->x->dtype);
    for (int64_t k = 0; k < s->x->count; k++)
        if (memcmp(s->bytes + (size_t)k * size, ct__element_at(s->x, k), size) != 0)
            return false;
    return true;
}

static bool are_kept(ct__check *c, const snapshot *s, int n, const char *who)
{
    for (int i = 0; i <= n; i++)
        if (s[i].x && !is_kept(&s[i]))
            return i < n ? ct__check_invalid(c, "%s writes into input %d", who, i)
                         : ct__check_invalid(c, "%s writes into the cotangent", who);
    return true;
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
        memcpy(&value, ct__element_at(t, k), sizeof value);
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    for (int64_t k = 0; k < t->count; k++) {
        memcpy(&value, ct__element_at(t, k), sizeof value);
        value = other_integer(value, least, most, fill);
        memcpy(ct__element_at(t, k), &value, sizeof value);
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
            *ct__element_at(t, k) = fill == 0 ? !*ct__element_at(t, k) : fill == 1;
        else
            ct__store(ct__element_at(t, k), t->dtype, floats[fill]);
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
/* y + y', whose rule hands its cotangent on as it is, to both */
static ct_status both_forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    for (int64_t k = 0; k < y->count; k++)
        ct__store(ct__element_at(y, k), y->dtype,
                  ct__load(ct__element_at(ct_call_x(call, 0), k), y->dtype) +
                      ct__load(ct__element_at(ct_call_x(call, 1), k), y->dtype));
    return CT_OK;
}

static ct_status both_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gx[1] = gy[0];
    return CT_OK;
}

static const ct_op both_op = { .name = "both", .infer = ct_infer_same, .forward = both_forward,
                               .vjp = both_vjp };

static ct_tensor *value_of(const ct__runs *s, const ct__variant *v, const ct__trial *t,
                           ct_tensor **x, ct_tensor **y)
{
    ct__check *c = s->c;
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    ct_tensor *value = ct__trial_outputs(c->cx, t, x, c->n, y);
    if (!value || !v->used)
        return value;
    return ct__combined_one(c->cx, t->seed, y, ct__trial_output_count(t->op), v->used - 1, v->flat);
}

static ct_tensor *apply(const ct__runs *s, const ct__variant *v, ct_tensor **x, ct_tensor **y)
{
    ct__check *c = s->c;
    ct__trial t = *s->t;
    ct_tensor *more[CT__TRIAL_OUTPUTS] = { NULL };
    if (v->op)
        t.op = v->op;
    ct_tensor *value = value_of(s, v, &t, x, y);
    if (value && v->twice) {
        ct_tensor *two[2] = { value, value_of(s, v, &t, x, more) };
        value = two[1] ? ct_apply(&both_op, NULL, two, 2) : NULL;
    }
    c->cx->seed = c->seed, c->cx->draws = c->draws;
    return value;
}

/* makes the verdict INVALID, after a call that failed */
static bool failed(ct__check *c, const ct__variant *v)
{
    bool memory = ct_error(c->cx) == CT_ERROR_MEMORY;
    return ct__check_invalid(c, "%s%s%s", memory ? "" : v->wrong, memory ? "" : ": ",
                             ct_error_text(c->cx));
}

/* Other values than the sample's may be outside of the operator's domain, and not every operator
 * takes f32: then there is no such variant. */
static bool is_excused(ct__runs *s, const ct__variant *v)
{
    ct_status error = ct_error(s->c->cx);
    bool other = v->same || v->x == CT__REPEATED || v->x == CT__DRAWN;
    s->skipped = (v->dtype && error == CT_ERROR_DTYPE) ||
                 (other && error != CT_OK && error != CT_ERROR_MEMORY) ||
                 (v->used && error != CT_ERROR_MEMORY); /* no float; or the rule says it cannot */
    if (s->skipped)
        ct_error_clear(s->c->cx);
    return s->skipped;
}

static bool backward(const ct__variant *v, ct_tensor *y, ct_tensor *u,
                     ct_tensor *const *wanted, int n, ct_tensor **g)
{
    if (v->gy == CT__FRESH) { /* the rule of `combine` makes a cotangent, which only the walk has */
        y = ct__combine(&y, 1, v->u);
        u = NULL;
    }
    return y && ct__grad(y, u, wanted, n, CT_ZERO_PATH, g) == CT_OK;
}

static bool run_in_scope(ct__runs *s, const ct__variant *v, double *y_out, double *g_out)
{
    ct__check *c = s->c;
    ct_tensor *outputs[CT__TRIAL_OUTPUTS] = { NULL };
    ct_tensor **x = ct__check_room(c, 3 * (int64_t)c->n, sizeof *x);
    snapshot *kept = ct__check_room(c, c->n + 1, sizeof *kept);
    if (!x || !kept)
        return false;
    ct_tensor **wanted = x + c->n, **g = wanted + c->n;
    int n = lay_out_inputs(s, v, x, wanted);
    bool watched = v->target.kind == CT__NOTHING;
    for (int i = 0; i < c->n && watched && x[i]; i++)
        if (!remember(c, x[i], &kept[i]))
            return false;
    c->cx->recording = !v->quiet;
    ct_tensor *y = apply(s, v, x, outputs);
    if (!y)
        return is_excused(s, v) || failed(c, v);
    if (s->outputs < 0)
        s->outputs = y->count;
    if (y->count != s->outputs && !v->used)
        return ct__check_invalid(c, "%s: another number of elements", v->wrong);
    if (!are_kept(c, kept, c->n, "the operator"))
        return false;
    if (y_out)
        ct_to_doubles(y, y_out, y->count);
    s->skipped = !watched && !hit(&v->target, x, outputs);
    if (s->skipped || v->quiet)
        return true;
    if (v->result != CT__GRADIENT)
        return (ct__run_forward(s, v, y, wanted, n, g_out) || is_excused(s, v) || failed(c, v)) &&
               are_kept(c, kept, c->n, "the rule");
    ct_tensor *u = cotangent(c, v, y);
    if (!u || (watched && !remember(c, u, &kept[c->n])))
        return failed(c, v);
    if (!backward(v, y, u, wanted, n, g))
        return is_excused(s, v) || failed(c, v);
    if (!are_kept(c, kept, c->n, "the rule"))
        return false;
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
    double largest = v->size, times = v->twice ? 2 : 1;
    double relative = v->relative > 0 ? v->relative : 1e-9;
    double absolute = v->absolute > 0 ? v->absolute : 1e-12;
    for (int64_t k = 0; k < n; k++)
        if (isfinite(plain[k]))
            largest = fmax(largest, fabs(plain[k]));
    for (int64_t k = 0; k < n; k++) {
        double wanted = times * plain[k];
        if (!ct__same_bits(&a[k], &wanted, 1) &&
            !(fabs(a[k] - wanted) <= relative * fabs(wanted) + absolute * largest))
            return k;
    }
    return -1;
}

/* -- The plain run */
bool ct__runs_begin(ct__runs *s, ct__check *c, const ct__trial *t)
{
    *s = (ct__runs){ .c = c, .t = t, .outputs = -1 };
    if (!ct__run(s, &(ct__variant){ .wrong = "the operator failed", .quiet = true }, NULL, NULL))
        return false;
    const ct__part *last = &c->parts[c->inputs - 1];
    s->entries = last->first + last->count;
    s->y = ct__check_room(c, 3 * s->outputs + 3 * s->entries, sizeof *s->y);
    if (!s->y)
        return false;
    s->y2 = s->y + s->outputs, s->u = s->y2 + s->outputs;
    s->g = s->u + s->outputs, s->g2 = s->g + s->entries, s->g3 = s->g2 + s->entries;
    for (int64_t j = 0; j < s->outputs; j++)
        s->u[j] = ct__check_random(c);
    return ct__run(s, &(ct__variant){ .wrong = "the operator failed", .u = s->u }, s->y, s->g);
}

/* tensors like the inputs take the memory that the last run has freed: the next one gets other */
bool ct__runs_steady(ct__runs *s)
{
    ct__check *c = s->c;
    const ct__variant again = { .wrong = "the operator failed", .u = s->u };
    ct__scope scope;
    bool done = true;
    ct__scope_push(c->cx, &scope);
    for (int i = 0; i < STEADY && done; i++) {
        for (int k = 0; k < c->n && done; k++)
            done = ct_empty_like(c->given[k]) || ct__check_failed(c, "copying");
        done = done && ct__run(s, &again, s->y2, s->g3) &&
               (ct__same_bits(s->g3, s->g, s->entries) ||
                ct__check_invalid(c, "the rule is not deterministic: two gradients at one point "
                                     "differ"));
    }
    ct__scope_pop(c->cx, &scope);
    return done;
}
