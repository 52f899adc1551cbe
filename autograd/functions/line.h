/* What minimizers share: a point, a search along a line from it, limits and the report. */
#ifndef COTANGENT_LINE_H
#define COTANGENT_LINE_H
#include "arrays.h"

typedef struct ct__descent {
    ct__function f;
    ct_minimize_options options;
    ct_minimize_report report;
    double *x, *g;         /* where it is, and the gradient there; the value is in the report */
    double *d;             /* the direction of the next step */
    double *next, *next_g; /* a point on the line */
    double fell;           /* by how much the last step lowered the value */
} ct__descent;

typedef ct_status (*ct__direction)(ct__descent *s, void *user); /* makes d from x and g */
/* Called after each step, with x and g as they were, and next and next_g as they are. */
typedef void (*ct__learn)(const ct__descent *s, void *user);

/* Minimizes: steps along directions until it ends. x is the caller's. */
ct_status ct__descend(ct__descent *s, double *x, ct__direction direction, ct__learn learn,
                      void *user);
/* What ct_lbfgs and ct_newton_cg do round their methods: it takes the options, runs `method` in a
   scope, and writes the report. options and report may be NULL. */
ct_status ct__minimize(ct__descent *s, double *x, const ct_minimize_options *options,
                       ct_minimize_report *report, ct_status (*method)(ct__descent *s, double *x));
double ct__dot(int64_t n, const double *a, const double *b);
double ct__largest(int64_t n, const double *a); /* of |a_i|; NaN if one is NaN */
/* CT_OK: next has a value that satisfies the strong Wolfe conditions, or all but fell as it should.
 * *step is the first step to try, and becomes the one that was taken, or 0: the value falls no more
 * than by its rounding. */
ct_status ct__line_search(ct__descent *s, double *step, double *value);
#endif
