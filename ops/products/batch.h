/* Products of matrices along leading axes: C = A B, or C += A B, for each index of them. */
#ifndef CT__BATCH_H
#define CT__BATCH_H
#include <cotangent/op.h>

/* A matrix for each leading index. A transposed matrix is one whose sizes and strides are
 * exchanged. */
typedef struct ct__matrices {
    void *data;
    int64_t rows, columns, row, column; /* the sizes of each matrix, and its strides in elements */
    int64_t strides[CT_MAX_DIMS];       /* from one matrix to the next along each leading axis; 0
                                           where the same one is used for all, or is added to */
} ct__matrices;

typedef struct ct__batch {
    const ct_call *call;
    int ndim;                     /* of the leading axes, which A, B and C share */
    int64_t leading[CT_MAX_DIMS];
    ct__matrices a, b, c;         /* (m,k), (k,n), (m,n) */
    bool adds;                    /* to what C holds */
} ct__batch;

/* `c` is C's tensor, contiguous. Where C's stride along an axis is 0, it becomes the sum of the
 * products along that axis. May change *p. */
ct_status ct__batch_multiply(ct__batch *p, ct_tensor *c);
#endif
