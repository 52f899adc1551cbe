/* Axes: what reductions and softmax share. */
#ifndef CT__AXES_H
#define CT__AXES_H
#include <cotangent/op.h>

/* The attributes of an operator that reduces. */
typedef struct ct__reduction {
    unsigned axes; /* bit d for axis d */
    bool keep;     /* the reduced axes stay, with size 1 */
} ct__reduction;

/* n = 0: all axes. False where x is NULL and, with an error that names `who` and the shape, where
 * an axis is out of range or given twice, or flags hold more than CT_KEEPDIMS */
bool ct__reduction_of(ct__reduction *r, const ct_tensor *x, const char *who, const int64_t *axes,
                      int n, unsigned flags);

/* False, with an error that names `who`, where x is neither f32 nor f64. */
bool ct__is_float(const ct_tensor *x, const char *who);

/* The shape of the result; returns its number of dimensions. */
int ct__reduced_shape(const ct_tensor *x, ct__reduction r, int64_t *shape);

/* How many elements of x become one element of the result? */
int64_t ct__group(const ct_tensor *x, ct__reduction r);

/* x with the axes moved to the end and made one axis, the last; and a tensor of that shape with the
 * axes where x, which is as before, has them. */
ct_tensor *ct__merged(ct_tensor *x, unsigned axes);
ct_tensor *ct__unmerged(ct_tensor *merged, const ct_tensor *x, unsigned axes);

/* The tangent of an operator of one float input x where each element of x is in one element of y
 * only: ty = sum of e tx over the axes, where e is what the rules make of a cotangent of ones. */
ct_status ct__group_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty,
                        ct__reduction r);

/* -- For operators whose attributes are, or begin with, a ct__reduction */
ct_status ct__reduced_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty);
ct_status ct__infer_reduced(ct_call *call);
/* t, which has y's shape, so that it broadcasts with x: reduced axes that are not leading ones come
 * back with size 1. t may be several cotangents at once. */
ct_tensor *ct__kept(const ct_call *call, ct_tensor *t);
/* Samples whose values differ by enough for finite differences. */
int ct__sample_reduction(ct_context *cx, int k, ct_tensor **x, void *attributes);
#endif
