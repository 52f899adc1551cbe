/* Forward mode of an operator: the tangents that its `jvp` gives, or that its flags promise, are
 * those that go with its gradient, <u, J v> = <J^T u, v>. This holds for each entry, where nothing
 * is recorded and where the tangents are; in f32, and for other layouts; and at order 2 for the
 * derivatives of both sides. */
#include <math.h>
#include <stdio.h>

#include "trial.h"

enum { MOST = 64 }; /* with more entries, tangents go along one direction only */

/* -- One run */
static double inner(const ct_tensor *t, const double *weights, double *room)
{
    double sum = 0;
    ct_to_doubles(t, room, t->count);
    for (int64_t k = 0; k < t->count; k++)
        sum += weights[k] * room[k];
    return sum;
}

static ct_tensor *tangent(const ct__variant *v, ct_tensor *y, const ct__along *along)
{
    ct_tensor *ty;
    const unsigned flags = v->recorded ? CT_CREATE_GRAPH : 0;
    return ct__tangents(&(ct__how){ "gradcheck", flags }, &y, 1, along, &ty) == CT_OK ? ty : NULL;
}

/* <u, J e_k> for entry k of input i: the other inputs have no tangent */
static bool by_entries(ct__runs *s, const ct__variant *v, ct_tensor *y, const ct__along *x,
                       double *g)
{
    ct_context *cx = s->c->cx;
    double *room = ct__check_room(s->c, y->count, sizeof *room);
    ct_tensor **e = ct__check_room(s->c, x->n, sizeof *e);
    bool done = room && e;
    for (int i = 0; i < x->n; i++)
        for (int64_t k = 0; k < x->x[i]->count && done; k++) {
            ct__scope scope;
            ct__scope_push(cx, &scope);
            ct_tensor *unit = ct_zeros_like(x->x[i]), *ty = NULL;
            if (unit) {
                ct__store(ct__element_at(unit, k), unit->dtype, 1);
                e[i] = unit;
                ty = tangent(v, y, &(ct__along){ x->x, e, x->n });
                e[i] = NULL;
            }
            done = ty != NULL;
            if (done)
                *g++ = inner(ty, v->u, room);
            ct__scope_pop(cx, &scope);
        }
    return done;
}

/* tensors like the inputs that hold v; NULL: it failed */
static ct_tensor **directions(const ct__runs *s, const ct__variant *v, const ct__along *x)
{
    ct_tensor **d = ct__check_room(s->c, x->n, sizeof *d);
    const double *from = v->v;
    for (int i = 0; d && i < x->n; i++) {
        d[i] = ct_empty_like(x->x[i]);
        if (!d[i])
            return NULL;
        for (int64_t k = 0; k < d[i]->count; k++)
            ct__store(ct__element_at(d[i], k), d[i]->dtype, *from++);
    }
    return d;
}

/* <J^T u, v>, recorded; NULL: it failed */
static ct_tensor *gradient_along(const ct__runs *s, const ct__variant *v, ct_tensor *y,
                                 const ct__along *x)
{
    ct_tensor **g = ct__check_room(s->c, x->n, sizeof *g), *u = ct_empty_like(y);
    for (int64_t k = 0; u && k < y->count; k++)
        ct__store(ct__element_at(u, k), u->dtype, v->u[k]);
    bool done = g && u &&
                ct__grad(y, u, x->x, x->n, CT_CREATE_GRAPH | CT_ZERO_PATH, g) == CT_OK;
    return done ? ct__combine(g, x->n, v->v) : NULL;
}

/* the derivatives of z, which may be a constant */
static bool differentiate(const ct__runs *s, ct_tensor *z, const ct__along *x, double *out)
{
    ct_tensor **g = ct__check_room(s->c, x->n, sizeof *g);
    if (!g || !z || ct__grad(z, NULL, x->x, x->n, CT_ZERO_PATH, g) != CT_OK)
        return false;
    for (int i = 0; i < x->n; out += g[i++]->count)
        ct_to_doubles(g[i], out, g[i]->count);
    return true;
}

bool ct__run_forward(ct__runs *s, const ct__variant *v, ct_tensor *y, ct_tensor *const *x, int n,
                     double *g)
{
    ct__along to = { x, NULL, n };
    if (v->result == CT__TANGENTS)
        return by_entries(s, v, y, &to, g);
    if (v->result == CT__GRADIENT_ALONG)
        return differentiate(s, gradient_along(s, v, y, &to), &to, g);
    double *room = ct__check_room(s->c, y->count, sizeof *room);
    to.v = directions(s, v, &to);
    ct_tensor *ty = room && to.v ? tangent(v, y, &to) : NULL;
    if (!ty)
        return false;
    if (v->result == CT__TANGENT_GRADIENT)
        return differentiate(s, ct__combine(&ty, 1, v->u), &to, g);
    g[0] = inner(ty, v->u, room);
    return true;
}

/* -- Comparisons */
static bool compare_entries(ct__runs *s, bool recorded)
{
    const ct__variant v = { .wrong = recorded ? "the tangent is not that of the gradient, recorded"
                                              : "the tangent is not that of the gradient",
                            .result = CT__TANGENTS, .recorded = recorded, .u = s->u };
    if (!ct__run(s, &v, s->y2, s->g2))
        return false;
    int64_t k = s->skipped ? -1 : ct__run_differs(&v, s->g2, s->g, s->entries);
    if (k >= 0)
        ct__check_fail(s->c, k, s->g2[k], s->g[k], v.wrong);
    return true;
}

static bool compare_along(ct__runs *s, const double *direction, ct__form form, int way)
{
    char wrong[128];
    double sum = 0, size = 0;
    const bool f32 = way & 1, recorded = way & 2;
    snprintf(wrong, sizeof wrong, "the tangent is not that of the gradient%s%s (x %s)",
             f32 ? ", in f32" : "", recorded ? ", recorded" : "", ct__form_text(form));
    const ct__variant v = { .wrong = wrong, .result = CT__ALONG, .recorded = recorded, .u = s->u,
                            .v = direction, .x = form, .dtype = f32 ? CT_F32 : 0 };
    for (int64_t k = 0; k < s->entries; k++) {
        sum += s->g[k] * direction[k];
        size += fabs(s->g[k] * direction[k]);
    }
    if (!ct__run(s, &v, s->y2, s->g2))
        return false;
    if (!s->skipped && !(fabs(s->g2[0] - sum) <= (f32 ? 1e-3 : 1e-9) * size))
        ct__check_fail(s->c, 0, s->g2[0], sum, wrong);
    return true;
}

static bool compare_ways(ct__runs *s, const double *direction)
{
    static const ct__form forms[] = { CT__ROWS, CT__GAPS, CT__COLUMNS, CT__REVERSED };
    const int ways = s->t->op->vjp ? 4 : 2;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int way = 0; way < ways && s->c->verdict != CT_GRADCHECK_FAIL; way++)
            if (!compare_along(s, direction, forms[i], way))
                return false;
    return true;
}

static bool compare_second(ct__runs *s, const double *direction)
{
    const ct__variant right = { .wrong = "the gradient has no derivative", .u = s->u,
                                .result = CT__GRADIENT_ALONG, .v = direction };
    const ct__variant v = { .wrong = "the recorded tangent has not the derivative of the gradient",
                            .u = s->u, .result = CT__TANGENT_GRADIENT, .recorded = true,
                            .v = direction };
    if (!ct__run(s, &right, s->y2, s->g3) || !ct__run(s, &v, s->y2, s->g2))
        return false;
    int64_t k = ct__run_differs(&v, s->g2, s->g3, s->entries);
    if (k >= 0)
        ct__check_fail(s->c, k, s->g2[k], s->g3[k], v.wrong);
    return true;
}

/* By two vjps the tangent is right wherever `vjp` is one for any order, which order 2 asks for. */
static bool is_forward(const ct__runs *s)
{
    const ct_op *op = s->t->op;
    const unsigned promised = CT_OP_SYMMETRIC | CT_OP_LINEAR | CT_OP_VIEW;
    return op->jvp || op->flags & promised || (op->vjp && s->c->options.order == 2);
}

bool ct__check_forward(ct__runs *s)
{
    ct__check *c = s->c;
    double *direction = ct__check_room(c, s->entries, sizeof *direction);
    bool done = direction != NULL;
    for (int64_t k = 0; k < s->entries && done; k++) {
        if (!isfinite(s->g[k]))
            return true;
        direction[k] = ct__check_random(c);
    }
    if (!is_forward(s))
        return done;
    for (int recorded = 0; recorded < (s->t->op->vjp ? 2 : 1) && s->entries <= MOST; recorded++)
        done = done && (c->verdict == CT_GRADCHECK_FAIL || compare_entries(s, recorded));
    done = done && (c->verdict == CT_GRADCHECK_FAIL || compare_ways(s, direction));
    if (c->options.order == 2 && s->t->op->vjp && c->verdict != CT_GRADCHECK_FAIL)
        done = done && compare_second(s, direction);
    return done;
}
