/* Which rows an epoch has, and in which order. */
#ifndef COTANGENT_ORDER_H
#define COTANGENT_ORDER_H
#include <cotangent/nn.h>

typedef struct ct__order {
    int64_t count;      /* rows of an epoch */
    int64_t *rows;      /* those of this epoch; an object */
    int64_t *chosen;    /* the rows that there are: an object, or NULL: all, from 0 on */
    double *sums;       /* of the weights up to each row: an object, or NULL: each row comes once */
    int64_t last;       /* the last row with a positive weight */
} ct__order;

/* from the options, for x with n rows; false and an error that begins with `who` */
bool ct__order_make(ct__order *o, const char *who, ct_context *cx, int64_t n,
                    const ct_batches_options *options);
void ct__order_free(ct__order *o);
/* draws the order of an epoch from the context's stream, if it is not `in_order` */
void ct__order_draw(ct__order *o, ct_context *cx, bool in_order);
/* uniform on 0 ... n - 1, from the context's stream */
int64_t ct__random_below(ct_context *cx, int64_t n);
#endif
