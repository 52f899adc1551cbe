/* Kernels of rules.c that are compiled for AVX2 too: what people train with. With s the size of
 * REAL, per element: SGD 3 s bytes and 5 operations, with momentum 5 s and 7; Adam 7 s bytes and 15
 * operations, a root and a division among them; with amsgrad 9 s and 16. */
#include "each_kernels.h"

static inline void K(sgd_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    REAL u = (REAL)a->momentum;
    if (a->momentum > 0) {
        *p = u * *p + h;
        h = a->nesterov ? h + u * *p : *p;
    }
    *w -= (REAL)a->rate * h;
    (void)q, (void)r;
}

static inline void K(adam_one)(REAL *w, REAL h, REAL *p, REAL *q, REAL *r, const ct__numbers *a)
{
    *p = (REAL)a->beta1 * *p + (REAL)(1 - a->beta1) * h;
    *q = (REAL)a->beta2 * *q + (REAL)(1 - a->beta2) * (h * h);
    REAL v = *q;
    if (a->amsgrad)
        v = *r = *r > v || *r != *r ? *r : v; /* NaN stays */
    *w -= (REAL)a->rate * *p / (F(sqrt)(v) * (REAL)a->root + (REAL)a->epsilon);
}

UPDATE(sgd)
UPDATE(adam)
