/* Batches: rows (along axis 0) of x and y together. The tensors given out belong to the iterator
 * and stay as they are until the next call, which overwrites them. Scopes do not matter to them */
#ifndef COTANGENT_NN_DATA_H
#define COTANGENT_NN_DATA_H
#include <cotangent/ops.h>
CT_API_BEGIN

typedef struct ct_batches ct_batches;
typedef struct ct_batches_options {
    bool in_order;             /* default: shuffled anew each epoch, by the context's stream */
    bool drop_last;            /* default: the last batch of an epoch may be short */
    uint64_t reserved[4];
} ct_batches_options;
/* retains x and y, or a copy of one that is not contiguous. y NULL: there are no targets */
ct_batches *ct_batches_new(ct_tensor *x, ct_tensor *y, int64_t size,
                           const ct_batches_options *options);
/* false at the end of an epoch, on failure, and while an error is pending (then *x and *y are
   NULL); the call after the end begins the next epoch. x or y may be NULL where not wanted */
bool ct_batches_next(ct_batches *b, ct_tensor **x, ct_tensor **y);
int64_t ct_batches_count(const ct_batches *b); /* batches per epoch */
/* what is not freed goes with the context. Freed ones are CT_ERROR_STALE, as for modules */
void ct_batches_free(ct_batches *b);

CT_API_END
#endif
