/* The gradient check: before anything is trained, is what would be trained with right? */
#ifndef DIGITS_CHECK_H
#define DIGITS_CHECK_H
#include "data.h"

typedef struct check {
    bool passed;
    int tensors, images;
    int64_t compared, kinks;
    double error, bar;          /* of the worst entry of all */
    double seconds;
} check;

/* Prints a line per parameter tensor and one for all. false: it could not be done, the context's
 * error says why; that a gradient is wrong is c->passed. */
bool check_gradients(check *c, ct_context *cx, ct_module *net, const images *set);

#endif
