/* A slope at all scales: what a derivative that seems wrong is judged by. */
#ifndef COTANGENT_SCAN_H
#define COTANGENT_SCAN_H
#include <cotangent/gradcheck.h>

#include "difference.h"

/* a function of one number, on a line through the point */
typedef struct ct__line {
    ct__probe probe;
    /* *rise = f(t + h) - f(t); false ends the scan */
    bool (*rise)(void *user, double t, double h, double *rise);
    void *user;
    double least; /* points must be so far apart */
} ct__line;

/* Judges the derivative `analytic` by steps from h downward; tolerance: atol, rtol. The slope is
 * left as it is where no scale says anything. False: a probe returned false */
bool ct__scan(const ct__line *line, double h, double analytic, const double tolerance[2],
              ct__slope *slope, ct_verdict *verdict);
#endif
