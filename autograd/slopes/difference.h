/* The slope of a function of one number, found by differences, and a bound of its error. */
#ifndef COTANGENT_DIFFERENCE_H
#define COTANGENT_DIFFERENCE_H
#include <cotangent/context.h>

/* f on both sides of the point, at distance h from each other */
typedef struct ct__sides {
    double rise;  /* f(h/2) - f(-h/2) */
    double bend;  /* f(h/2) - 2 f(0) + f(-h/2) */
    double noise; /* roundoff may have moved either of them by about this much */
    double all;   /* and by this much if every value had moved, which some have not yet */
    double step;  /* h after rounding; 0: the point did not move */
    bool finite;  /* f is finite on both sides */
} ct__sides;
/* evaluates f on both sides; false makes ct__difference return false at once */
typedef bool (*ct__probe)(void *user, double h, ct__sides *sides);

typedef struct ct__slope {
    double value, bar;        /* |value - true slope| <= bar */
    double left, right, step; /* one-sided slopes, and the step they had */
    double slack;             /* at a kink: how far these may be off */
    bool stuck;               /* f does not move at this step, though it did at longer ones */
    enum {
        CT__SMOOTH,
        CT__KINK,   /* the slopes on the left and on the right differ */
        CT__JUMP,   /* f jumps at the point */
        CT__ROUGH,  /* no step was found at which f is smooth */
        CT__NOWHERE /* f is not finite on both sides, however small the step */
    } kind;
} ct__slope;

/* starts with steps of h, and shortens them until the bar is well below atol + rtol |slope| or
 * cannot become smaller; tolerance: atol, rtol */
bool ct__difference(ct__probe probe, void *user, double h, const double tolerance[2],
                    ct__slope *slope);

#endif
