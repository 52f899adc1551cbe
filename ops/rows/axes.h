/* Axes: what reductions and softmax share. */
#ifndef CT__AXES_H
#define CT__AXES_H
#include <cotangent/op.h>

/* the attributes of an operator that reduces */
typedef struct ct__reduction {
    unsigned axes; /* bit d for axis d */
    bool keep;     /* as axes of size 1 */
} ct__reduction;

/* n = 0: all axes. False where x is NULL and, with an error that names `who` and the shape, where
 * an axis is out of range or given twice, or flags hold more than CT_KEEPDIMS */
bool ct__reduction_of(ct__reduction *r, const ct_tensor *x, const char *who, const int64_t *axes,
                      int n, unsigned flags);

/* x's shape without r's axes, or with them of size 1 where it keeps them; returns its ndim */
int ct__reduced_shape(const ct_tensor *x, ct__reduction r, int64_t *shape);

/* how many elements of x become one */
int64_t ct__group(const ct_tensor *x, ct__reduction r);

/* -- For operators with a ct__reduction as attributes */
ct_status ct__infer_reduced(ct_call *call);
/* t, of y's shape, with the reduced axes kept: so it broadcasts with x */
ct_tensor *ct__kept(const ct_call *call, ct_tensor *t);
/* values are distinct, far enough for finite differences */
int ct__sample_reduction(ct_context *cx, int k, ct_tensor **x, void *attributes);
#endif
