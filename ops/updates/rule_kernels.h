/* Kernels of rules.c for plain vectors, which are quick enough for memory. Each reads and writes w,
 * g and its slots once. With s the size of REAL and k slots: (3 + 2 k) s bytes per element, and 8
 * to 15 operations. */
#include "each_kernels.h"

/* centered, v - m^2 is a variance, and rounding may make it negative */
static inline void K(rmsprop_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    REAL v = *p = (REAL)a->beta2 * *p + (REAL)(1 - a->beta2) * (h * h);
    if (a->centered) {
        *q = (REAL)a->beta2 * *q + (REAL)(1 - a->beta2) * h;
        v -= *q * *q;
        v = v < 0 ? 0 : v;
    }
    h /= F(sqrt)(v) + (REAL)a->epsilon;
    if (a->momentum > 0)
        h = *r = (REAL)a->momentum * *r + h;
    *w -= (REAL)a->rate * h;
}

static inline void K(adagrad_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    *p += h * h;
    *w -= (REAL)a->rate * h / (F(sqrt)(*p) + (REAL)a->epsilon);
    (void)q, (void)r;
}

static inline void K(adadelta_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r,
                                   const ct__numbers *a)
{
    *p = (REAL)a->beta2 * *p + (REAL)(1 - a->beta2) * (h * h);
    h *= F(sqrt)(*q + (REAL)a->epsilon) / F(sqrt)(*p + (REAL)a->epsilon);
    *q = (REAL)a->beta2 * *q + (REAL)(1 - a->beta2) * (h * h);
    *w -= (REAL)a->rate * h;
    (void)r;
}

static inline void K(nadam_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    *p = (REAL)a->beta1 * *p + (REAL)(1 - a->beta1) * h;
    *q = (REAL)a->beta2 * *q + (REAL)(1 - a->beta2) * (h * h);
    REAL by = F(sqrt)(*q) * (REAL)a->root + (REAL)a->epsilon;
    *w -= ((REAL)a->direct * h + (REAL)a->rate * *p) / by;
    (void)r;
}

static inline void K(radam_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    *p = (REAL)a->beta1 * *p + (REAL)(1 - a->beta1) * h;
    *q = (REAL)a->beta2 * *q + (REAL)(1 - a->beta2) * (h * h);
    *w -= (REAL)a->rate * *p / (a->adaptive ? F(sqrt)(*q) + (REAL)a->epsilon : 1);
    (void)r;
}

static inline void K(adamax_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    REAL least = F(fabs)(h) + (REAL)a->epsilon, u = (REAL)a->beta2 * *q;
    *p = (REAL)a->beta1 * *p + (REAL)(1 - a->beta1) * h;
    *q = u > least || u != u ? u : least; /* NaN stays */
    *w -= (REAL)a->rate * *p / *q;
    (void)r;
}

static inline void K(lion_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    REAL c = (REAL)a->beta1 * *p + (REAL)(1 - a->beta1) * h;
    *p = (REAL)a->beta2 * *p + (REAL)(1 - a->beta2) * h;
    *w -= (REAL)a->rate * (c > 0 ? (REAL)1 : c < 0 ? (REAL)-1 : c);
    (void)q, (void)r;
}

UPDATE(rmsprop)
UPDATE(adagrad)
UPDATE(adadelta)
UPDATE(nadam)
UPDATE(radam)
UPDATE(adamax)
UPDATE(lion)
