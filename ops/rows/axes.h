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

/* -- For operators with a ct__reduction as attributes */
ct_status ct__infer_reduced(ct_call *call);
/* t, which has y's shape, with the reduced axes as axes of size 1, so that it broadcasts with x. */
ct_tensor *ct__kept(const ct_call *call, ct_tensor *t);
/* Samples whose values differ by enough for finite differences. */
int ct__sample_reduction(ct_context *cx, int k, ct_tensor **x, void *attributes);
#endif
