/* The slope of a function of one number, by differences, with a bar that covers its error. */
#ifndef COTANGENT_DIFFERENCE_H
#define COTANGENT_DIFFERENCE_H
#include <cotangent/context.h>

/* f on both sides of the point, h apart */
typedef struct ct__sides {
    double rise;  /* f(h/2) - f(-h/2) */
    double bend;  /* f(h/2) - 2 f(0) + f(-h/2) */
    double noise; /* roundoff may have moved either by about this much */
    double step;  /* h as it was taken, after rounding; 0: nothing moved */
    bool finite;
} ct__sides;
/* false ends all */
typedef bool (*ct__probe)(void *user, double h, ct__sides *sides);

typedef struct ct__slope {
    double value, bar;        /* |value - true slope| <= bar */
    double left, right, step; /* one-sided slopes, and the step they had */
    double slack;             /* at a kink: how far these may be off */
    bool stuck; /* at this step f does not move at all, though it did at longer ones */
    enum { CT__SMOOTH, CT__KINK, CT__JUMP, CT__ROUGH, CT__NOWHERE } kind;
} ct__slope;

/* starts with steps of h; goes on until the bar is well under atol + rtol |slope|, or cannot get
 * smaller. CT__NOWHERE: however small the step, f is not finite on both sides */
bool ct__difference(ct__probe probe, void *user, double h, const double tolerance[2],
                    ct__slope *slope);

#endif
