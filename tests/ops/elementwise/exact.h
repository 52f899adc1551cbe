/* The elementwise functions once more, by MPFR in as many bits as are asked for. They are defined
 * by their formulas, and derivatives are differences of values, so that nothing is shared with the
 * library. */
#ifndef EXACT_H
#define EXACT_H
#include <mpfr.h>
#include <stdbool.h>

typedef struct exact {
    const char *name;              /* of the operator */
    int inputs;
    double parameters[3];
    mpfr_ptr (*value)(mpfr_ptr a, mpfr_ptr b);
    /* How many units in the last place the library may be off, in f32 and f64, in the value and the
       first and second derivatives; 0: not compared. Where a result is near 0 since terms cancel,
       `near` units of 1 are allowed instead */
    double units[2][3], near;
    double square;                 /* x^2 times so many units more: e^(-x^2) of a rounded x^2 */
    bool waves;                    /* it changes within 1, however large x is */
} exact;

extern const exact exact_functions[];
extern const int exact_count;

/* value, derivative and second derivative by operand k, rounded to long double; NaN where there is
 * none, as at a kink. `single`: x and the results are within the range of f32 */
void exact_derivatives(const exact *f, const double *x, int k, bool single, long double result[3]);
#endif
