/* Making, reading and writing tensors: what this floor offers to those above. */
#ifndef COTANGENT_TENSORS_H
#define COTANGENT_TENSORS_H
#include "loops.h"

/* the element after the one of that index, in row-major order: how many elements further on it lies
   in memory. After the last one it is the first again */
static inline int64_t ct__next_element(const int64_t *shape, const int64_t *strides, int ndim,
                                       int64_t *index)
{
    int64_t step = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        if (shape[d] == 1) /* its stride may be anything */
            continue;
        step += strides[d];
        if (++index[d] < shape[d])
            break;
        step -= strides[d] * index[d];
        index[d] = 0;
    }
    return step;
}

/* -- create.c */
/* ct_borrow, in the name of `who`, with options that were checked */
ct_tensor *ct__borrow_as(ct_context *cx, const char *who, ct_dtype dtype, const int64_t *shape,
                         int ndim, void *data, const ct_borrow_options *options);

/* -- read.c */
double ct__load(const void *p, ct_dtype dtype);
bool ct__store(void *p, ct_dtype dtype, double value); /* false: an i64 cannot hold the value */
/* where the element with that index lies; NULL and an error where there is none */
char *ct__element(const ct_tensor *x, const char *who, const int64_t *index, int ndim);
/* a loop's body: y = x, for elements of *size bytes (an int64_t: 1, 4 or 8) */
void ct__copy_run(int64_t n, void *const *data, const int64_t *stride, const void *size);
void ct__copy_out(void *y, const ct_tensor *x); /* all elements, in row-major order */
bool ct__all_finite(const ct_tensor *x);

/* -- write.c */
/* Checks that x may be written now, and then counts up its version. */
ct_status ct__begin_write(ct_tensor *x, const char *who);
/* Makes the checks of x <- value (context, dtype, shape, may x be written) and counts up x's
 * version. *ready is value or, where it may overlap x, a copy of it in the scope. */
ct_status ct__writable_from(ct_tensor *x, ct_tensor *value, const char *who, ct_tensor **ready);

/* -- random.c */
uint64_t ct__draw(ct_context *cx, int64_t n); /* n draws from the stream: the first one's number */

#endif
