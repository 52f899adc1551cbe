/* Batches from the inside: the place in the epoch, for files. */
#ifndef COTANGENT_BATCHES_H
#define COTANGENT_BATCHES_H
#include <cotangent/nn.h>

typedef struct ct__place {
    int64_t at, count; /* rows of the epoch that were given out; of all */
    ct_stream stream;  /* from which the epoch was shuffled */
} ct__place;

bool ct__batches_alive(const ct_batches *b, const char *who);
ct_context *ct__batches_context(const ct_batches *b);
ct__place ct__batches_place(const ct_batches *b);
/* shuffles as that epoch was, and goes on from that place; it leaves the random stream elsewhere.
   place->at is from 0 to the count */
void ct__batches_resume(ct_batches *b, const ct__place *place);
#endif
