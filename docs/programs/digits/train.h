/* Training, and what is remembered of it. */
#ifndef DIGITS_TRAIN_H
#define DIGITS_TRAIN_H
#include "options.h"

enum { STRETCHES = 20 };        /* parts of an epoch, for a finer curve of the loss */

typedef struct data {
    images train, test;
} data;

typedef struct epoch {
    double loss, error, seconds; /* mean loss; share of test images misread; of training alone */
    double sum[STRETCHES];      /* of the losses of the steps in each stretch */
    int steps[STRETCHES];
} epoch;

typedef struct history {
    epoch *epochs;              /* the context's */
    int count;
} history;

/* false: the context's error says why */
bool train(history *h, program *p, ct_module *net, const data *d, const options *o);

#endif
