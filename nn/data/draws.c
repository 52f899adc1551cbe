/* Normal, gamma and beta numbers. */
#include <math.h>

#include "draws.h"

/* Box, Muller 1958; 1 - u lies in (0, 1] */
double ct__draw_normal(ct__draws *d)
{
    const double two_pi = 6.283185307179586;
    double radius = sqrt(-2 * log(1 - ct__draw_unit(d)));
    return radius * cos(two_pi * ct__draw_unit(d));
}

/* The logarithm of a draw from the gamma distribution of shape alpha and rate 1. For alpha >= 1 by
 * Marsaglia, Tsang 2000: d v with v = (1 + c n)^3 is kept if log u < n^2 / 2 + d - d v + d log v.
 * Below 1, G(alpha) = G(alpha + 1) U^(1 / alpha), whose logarithm stays finite. */
static double log_gamma_draw(ct__draws *draws, double alpha)
{
    double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3, c = 1 / sqrt(9 * d), n, v, u;
    do {
        n = ct__draw_normal(draws);
        v = 1 + c * n;
        v = v * v * v;
        u = 1 - ct__draw_unit(draws);
    } while (!(v > 0 && log(u) < n * n / 2 + d - d * v + d * log(v)));
    double boost = alpha < 1 ? log(1 - ct__draw_unit(draws)) / alpha : 0;
    return log(d * v) + boost;
}

double ct__draw_beta(ct__draws *d, double alpha)
{
    double a = log_gamma_draw(d, alpha);
    return 1 / (1 + exp(log_gamma_draw(d, alpha) - a)); /* A / (A + B) */
}
