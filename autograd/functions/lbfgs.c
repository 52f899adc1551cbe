/* L-BFGS: d = -H g, where H, which stands for the inverse of the Hessian, is made from the last few
 * steps s and changes of the gradient y (Nocedal and Wright, 2nd edition, algorithm 7.4):
 *     H' = (I - r s y^T) H (I - r y s^T) + r s s^T,  r = 1 / y^T s,
 * applied to g without ever being written down, from H = (s^T y / y^T y) I. */

#include "line.h"

typedef struct pairs {
    int most, count, last; /* `last`: where the newest pair is */
    double *s, *y, *r;     /* most vectors each; most numbers */
    double *a;
} pairs;

static ct_status lbfgs_direction(ct__descent *t, void *user)
{
    const pairs *p = user;
    const int64_t n = t->f.n;
    double *d = t->d;
    for (int64_t i = 0; i < n; i++)
        d[i] = -t->g[i];
    for (int k = 0; k < p->count; k++) { /* from the newest pair to the oldest */
        int at = (p->last + p->most - k) % p->most;
        const double *s = p->s + at * n, *y = p->y + at * n;
        p->a[at] = p->r[at] * ct__dot(n, s, d);
        for (int64_t i = 0; i < n; i++)
            d[i] -= p->a[at] * y[i];
    }
    const double *newest = p->y + p->last * n;
    double scale = p->count ? 1 / (p->r[p->last] * ct__dot(n, newest, newest)) : 1;
    for (int64_t i = 0; i < n; i++)
        d[i] *= scale;
    for (int k = p->count - 1; k >= 0; k--) {
        int at = (p->last + p->most - k) % p->most;
        const double *s = p->s + at * n, *y = p->y + at * n;
        double change = p->a[at] - p->r[at] * ct__dot(n, y, d);
        for (int64_t i = 0; i < n; i++)
            d[i] += change * s[i];
    }
    return CT_OK;
}

/* The Wolfe conditions make y^T s positive; rounding may not. Then the pair is left out. */
static void lbfgs_learn(const ct__descent *t, void *user)
{
    pairs *p = user;
    const int64_t n = t->f.n;
    const int at = (p->last + 1) % p->most;
    double *s = p->s + at * n, *y = p->y + at * n, product = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        double more = t->next_g[i] - t->g[i];
        product += (t->next[i] - t->x[i]) * more;
        square += more * more;
    }
    if (!(product > 1e-16 * square)) /* the oldest pair, which is still in use, stays */
        return;
    for (int64_t i = 0; i < n; i++) {
        s[i] = t->next[i] - t->x[i];
        y[i] = t->next_g[i] - t->g[i];
    }
    p->r[at] = 1 / product;
    p->last = at;
    p->count += p->count < p->most;
}

static ct_status lbfgs(ct__descent *t, double *x)
{
    pairs p = { .most = t->options.memory > 0 ? t->options.memory : 10 };
    const size_t n = t->f.n > 0 ? (size_t)t->f.n : 0, m = (size_t)p.most;
    if (m > SIZE_MAX / 64 / (n + 1))
        return ct_fail(t->f.cx, CT_ERROR_MEMORY, "lbfgs: %d pairs of %zu numbers", p.most, n);
    double *room = ct__scope_room(t->f.cx, (2 * m * n + 2 * m) * sizeof *room);
    if (!room)
        return CT_ERROR_MEMORY;
    p.s = room, p.y = p.s + m * n, p.r = p.y + m * n, p.a = p.r + m;
    return ct__descend(t, x, lbfgs_direction, lbfgs_learn, &p);
}

ct_status ct_lbfgs(ct_context *cx, ct_function f, void *user, double *x, int64_t n,
                   const ct_minimize_options *options, ct_minimize_report *report)
{
    ct__descent t = { .f = { cx, "lbfgs", f, user, n } };
    return ct__minimize(&t, x, options, report, lbfgs);
}
