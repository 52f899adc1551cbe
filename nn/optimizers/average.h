/* Moving averages from the inside, for files that keep them. */
#ifndef COTANGENT_AVERAGE_H
#define COTANGENT_AVERAGE_H
#include "optimizer.h"

struct ct_average {
    ct_context *cx;
    double decay;
    int n;
    ct_tensor **w, **mean; /* retained */
    ct_tensor *room[];
};

bool ct__average_alive(const ct_average *a, const char *who);
#endif
