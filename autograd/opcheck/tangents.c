/* The runs of an operator that go through its tangents, or that differentiate along a direction. */
#include "trial.h"

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
