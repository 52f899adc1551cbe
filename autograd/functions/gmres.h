/* Linear systems of which only the product with a vector is known. */
#ifndef COTANGENT_GMRES_H
#define COTANGENT_GMRES_H
#include "base.h"

typedef struct ct__system {
    ct_context *cx;
    int64_t n;
    ct_status (*apply)(void *arg, const double *v, double *out); /* out = A v */
    void *arg;
    double tolerance;   /* of |b - A x| / |b|: where it stops */
    double residual;    /* the one that was reached */
    int products;
} ct__system;
/* Solves A x = b. CT_OK as well where it did not get to the tolerance: look at the residual. */
ct_status ct__gmres(ct__system *system, const double *b, double *x);
#endif
