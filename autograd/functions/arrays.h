/* Values and derivatives with plain arrays in and out, as the minimizers use them. */
#ifndef COTANGENT_ARRAYS_H
#define COTANGENT_ARRAYS_H
#include <cotangent/minimize.h>

#include "stage.h"

/* what is wanted beside the value; NULL: not this */
typedef struct ct__wanted {
    const double *v;
    double *gx, *hv, *h;
} ct__wanted;
typedef struct ct__function {
    ct_context *cx;
    const char *who;
    ct_function f;
    void *user;
    int64_t n;
} ct__function;
/* f's value at x, and what is wanted. Nothing is left behind. */
ct_status ct__value_of(const ct__function *f, const double *x, const ct__wanted *wanted,
                       double *value);

/* -- matrices.c: dy/dx in the slot j, as ct__put_result does it */
ct_status ct__matrix(const ct__stage *s, ct_tensor *y, ct_direction direction, ct_tensor **j);
#endif
