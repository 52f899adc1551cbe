/* Newton's method, truncated (Nocedal and Wright, 2nd edition, algorithm 7.1): H d = -g is solved
 * by conjugate gradients, which need H v only, until the residual is below min(1/2, sqrt |g|) |g|,
 * so that the method converges faster than linearly. Where the curvature along a direction is not
 * positive, the quadratic model has no minimum, and what was found so far is taken. */
#include <math.h>

#include "line.h"

typedef struct newton {
    double *r, *p, *hp;
} newton;

/* The graph of the gradient at x: each product with H is one walk over it. */
typedef struct gradient {
    ct__stage s;
    ct_tensor *g;
} gradient;

static ct_status begin_gradient(const ct__descent *t, gradient *k)
{
    k->s = (ct__stage){ .cx = t->f.cx, .n = 1, .who = t->f.who };
    ct_tensor *x = ct_from_memory(t->f.cx, CT_F64, CT_SHAPE(t->f.n), t->x);
    if (!x)
        return CT_ERROR_MEMORY;
    ct_tensor *y = ct__stage_begin(&k->s, t->f.f, t->f.user, &x, true);
    ct_status status = y ? ct__one_number(&k->s, y) : ct__failed(t->f.cx);
    if (status == CT_OK)
        status = ct__grad_as(&(ct__how){ t->f.who, CT__RECORDED }, y, NULL, k->s.x, 1, &k->g);
    if (status != CT_OK)
        ct__stage_end(&k->s);
    return status;
}

static ct_status multiply(ct__descent *t, const gradient *k, const double *p, double *hp)
{
    ct__scope scope;
    ct_tensor *part;
    ct__scope_push(t->f.cx, &scope);
    ct_tensor *v = ct_from_memory(t->f.cx, CT_F64, CT_SHAPE(t->f.n), p);
    ct__how how = { t->f.who, CT_ZERO_PATH };
    ct_status status = v ? ct__grad_as(&how, k->g, v, k->s.x, 1, &part) : CT_ERROR_MEMORY;
    if (status == CT_OK)
        status = ct_to_doubles(part, hp, t->f.n);
    ct__scope_pop(t->f.cx, &scope);
    t->report.products++;
    return status;
}

/* Conjugate gradients from d = 0, where r = H d + g and p is the direction. */
static ct_status conjugate(ct__descent *t, const gradient *k, const newton *w)
{
    const int64_t n = t->f.n;
    double rr = ct__dot(n, t->g, t->g);
    const double size = sqrt(rr), enough = fmin(0.5, sqrt(size)) * size;
    for (int64_t i = 0; i < n; i++) {
        t->d[i] = 0;
        w->r[i] = t->g[i];
        w->p[i] = -t->g[i];
    }
    for (int64_t j = 0; j < 2 * n && sqrt(rr) > enough; j++) {
        ct_status status = multiply(t, k, w->p, w->hp);
        if (status != CT_OK)
            return status;
        double curvature = ct__dot(n, w->p, w->hp);
        if (!(curvature > 1e-14 * ct__dot(n, w->p, w->p))) {
            for (int64_t i = 0; j == 0 && i < n; i++)
                t->d[i] = -t->g[i];
            return CT_OK;
        }
        double step = rr / curvature;
        for (int64_t i = 0; i < n; i++) {
            t->d[i] += step * w->p[i];
            w->r[i] += step * w->hp[i];
        }
        double now = ct__dot(n, w->r, w->r);
        for (int64_t i = 0; i < n; i++)
            w->p[i] = now / rr * w->p[i] - w->r[i];
        rr = now;
    }
    return CT_OK;
}

static ct_status newton_direction(ct__descent *t, void *user)
{
    gradient k;
    ct__scope scope;
    ct__scope_push(t->f.cx, &scope);
    ct_status status = begin_gradient(t, &k);
    if (status == CT_OK) {
        status = conjugate(t, &k, user);
        ct__stage_end(&k.s);
    }
    ct__scope_pop(t->f.cx, &scope);
    return status;
}

static ct_status newton_cg(ct__descent *t, double *x)
{
    const size_t n = t->f.n > 0 && t->f.n < INT64_MAX / 64 ? (size_t)t->f.n : 0;
    double *room = ct__scope_room(t->f.cx, (3 * n + 1) * sizeof *room);
    if (!room)
        return CT_ERROR_MEMORY;
    return ct__descend(t, x, newton_direction, NULL, &(newton){ room, room + n, room + 2 * n });
}

ct_status ct_newton_cg(ct_context *cx, ct_function f, void *user, double *x, int64_t n,
                       const ct_minimize_options *options, ct_minimize_report *report)
{
    ct__descent t = { .f = { cx, "newton_cg", f, user, n } };
    return ct__minimize(&t, x, options, report, newton_cg);
}
