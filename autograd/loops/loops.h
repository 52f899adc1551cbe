/* Loops over elements and threads to share them: what this floor offers to those above. */
#ifndef COTANGENT_LOOPS_H
#define COTANGENT_LOOPS_H
#include "base.h"

/* -- loop.c */
enum { CT__GRAIN = 32768 }; /* elements of a thread's range: 10 us of the cheapest kernel */
/* ct_loop over operands that are not tensors: operand 0 is written, the others are read. */
void ct__loop_shared(ct_context *cx, const int64_t *shape, int ndim, const ct_operand *operands,
                     int n, ct_loop_body body, const void *arg);
/* Copies n elements of `size` bytes that are `stride` bytes apart, so that they lie side by side.
 * `size` is a constant wherever this is inlined. */
static inline void ct__copy_row(char *to, const char *from, int64_t n, int64_t stride, size_t size)
{
    char one[8];
    if (stride == (int64_t)size) {
        memcpy(to, from, (size_t)n * size);
    } else if (stride == 0) { /* read once: reading it again for each would prevent vectors */
        memcpy(one, from, size);
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * (int64_t)size, one, size);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * (int64_t)size, from + i * stride, size);
    }
}
/* The number of elements, if all operands are contiguous, of one shape, and too small to be shared
 * out: then one run does it all, and data[k] is operand k's first element. Else -1. */
static inline int64_t ct__flat(ct_tensor *const *operands, int n, void **data)
{
    const ct_tensor *first = operands[0];
    int64_t count = first->count;
    for (int k = 0; k < n; k++) {
        const ct_tensor *t = operands[k];
        data[k] = t->data;
        if (!(t->flags & CT__CONTIGUOUS) || (t != first && !ct__same_shape(t, first)))
            return -1;
    }
    return count <= CT__GRAIN ? count : -1;
}

/* -- kernel.c */
enum { CT__OPERANDS = 5, CT__KERNEL_CALLS = 8 };
/* Calls of ct_loop_kernel that were put down instead of being done. */
struct ct__kernel_list {
    bool runs; /* the kernels are called, too */
    int count; /* more than CT__KERNEL_CALLS: the others are not here */
    struct {
        ct_kernel kernel;
        const void *attributes;
        int n;
        bool adds, streams;
        ct_tensor *operands[CT__OPERANDS];
    } calls[CT__KERNEL_CALLS];
};
/* ct_loop_kernel, which gets the call's attributes */
void ct__loop_kernel(const void *attributes, ct_tensor *const *operands, int n,
                     const ct_kernels *k, bool adds);

/* -- reduce.c: ct_reduce, which gets the call's x0 and y0. Its scratch memory is the innermost
 * scope's */
ct_status ct__reduce(const ct_tensor *x, ct_tensor *y, unsigned reduced, const ct_fold *fold,
                     void *arg);

/* Are x's last axes reduced, and x contiguous? */
bool ct__reduces_rows(const ct_tensor *x, unsigned reduced);
/* The same as ct__reduce, bit for bit, where the elements of such an x are not there: `make` makes
 * m n of them, from element `at` on, and adds each n to one of m results. m n <= CT__MADE. */
enum { CT__MADE = 4096 };
typedef void ct__folder(const ct_fold *fold, int64_t m, int64_t n, void *kept, int64_t at,
                        void *arg);
ct_status ct__reduce_made(const ct_tensor *x, ct_tensor *y, unsigned reduced, const ct_fold *fold,
                          ct__folder *make, void *arg);

/* -- sum.c: the sum as a fold */
const ct_fold *ct__sum_fold(const ct_context *cx, ct_dtype dtype);

/* -- parallel.c */
void ct__threads_free(ct_context *cx);
#endif
