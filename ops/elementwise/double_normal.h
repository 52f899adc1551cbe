/* The normal distribution function, the error function, and what is made of them, in f64: see
 * double_math.h. The largest errors found are: erf 0.9 ULP, erfc 1.8, normal distribution function
 * 1.7, its density 0.7, gelu 1.7.
 *
 * For a >= 0, erfc a = e^(-a^2) f(t) / (1 + a) with t = (a - 4.5) / (a + 4.5). So mapped, f is
 * smooth from a = 0, where it is 1, to infinity, where it is 0.56 (after M. Shepherd and J.
 * Laframboise, Chebyshev approximation of (1 + 2 x) exp(x^2) erfc x, 1981). The normal distribution
 * function at -z is half of that for a = z / sqrt 2. */
#ifndef CT__DOUBLE_NORMAL_H
#define CT__DOUBLE_NORMAL_H
#include "double_math.h"

/* f, as a sum of two */
VECTOR_INLINE double double_tail_fraction(double t, double *rest)
{
    double z = t * t, z2 = z * z, z4 = z2 * z2;
    double p0 = double_cubic(0, -0.18542522876694814, 0.11883193324668213,
                             -0.05954040317609061, t, z);
    double p1 = double_cubic(0.016844504615138665, 0.006955455564970506, -0.015306197335219028,
                             0.01431346579509082, t, z);
    double p2 = double_cubic(-0.009710913209633859, 0.005171863839744366, -0.0021514178657628855,
                             0.0006460352724730404, t, z);
    double p3 = double_cubic(-9.751773273816745e-05, -2.3034474932241395e-05,
                             1.8930716475049564e-05, -4.023956869609776e-06, t, z);
    double p4 = double_cubic(-9.010402048443665e-07, 7.341060201416079e-07, -7.443598267734338e-08,
                             -7.96317780914202e-08, t, z);
    double p5 = double_cubic(2.455832963451175e-08, 8.241736849655385e-09, -3.2668984311491265e-09,
                             -1.0571036557996397e-09, t, z);
    double p = (p0 + p1 * z2) + ((p2 + p3 * z2) + (p4 + p5 * z2) * z4) * z4;
    double sum = 0.6736664235061278 + p;
    *rest = p - (sum - 0.6736664235061278);
    return sum;
}

/* A sum of two, times a power of 2 with which it may be subnormal */
typedef struct double_parts {
    double most, rest, unit;
} double_parts;

/* e^(-c z^2) for c = 1/2 or 1, c z^2 <= 750. The square of the first 26 bits of z is exact */
VECTOR_INLINE double_parts double_gauss(double z, double c)
{
    uint64_t k;
    double top = double_top(z), low, rest, small = c * ((z - top) * (z + top));
    double near = double_reduce(-c * (top * top), &k, &low), r = near - small;
    double most = double_exp_parts(r, low + ((near - r) - small), &rest);
    double scale = double_power_of_2(k + 64);
    return (double_parts){ most * scale, rest * scale, 0x1p-64 };
}

/* gauss f(t) / (d + e): both factors are cut, so that the product of their first parts is exact */
VECTOR_INLINE double_parts double_tail(double_parts gauss, double t, double d, double e)
{
    double l, less, f = double_tail_fraction(t, &l), q = double_quotient(f, l, d, e, &less);
    double top = double_top(gauss.most);
    double rest = q * ((gauss.most - top) + gauss.rest) + less * gauss.most;
    return (double_parts){ q * top, rest, gauss.unit };
}

/* 1 - y */
VECTOR_INLINE double_parts double_rest_of_1(double_parts y)
{
    double most = y.most * y.unit, sum = 1 - most;
    return (double_parts){ sum, ((1 - sum) - most) - y.rest * y.unit, 1 };
}

VECTOR_INLINE double_parts double_either(int first, double_parts a, double_parts b)
{
    return (double_parts){ first ? a.most : b.most, first ? a.rest : b.rest,
                           first ? a.unit : b.unit };
}

VECTOR_INLINE double double_joined(double_parts y)
{
    return (y.most + y.rest) * y.unit;
}

/* The normal distribution function, and e^(-x^2/2). The denominator is 2 + sqrt(2) |x| */
VECTOR_INLINE double_parts double_normal_parts(double x, double *density)
{
    double z = double_at_most(fabs(x), ct__vector_bounds.f64_normal_most), top = double_top(z);
    double_parts gauss = double_gauss(z, 0.5);
    double t = 2 * z / (z + 6.363961030678928) - 1;
    double most = top * 1.4142135679721832, d = 2 + most, moved = d - most;
    double lost = (most - (d - moved)) + (2 - moved);
    lost += (z - top) * 1.4142135623730951 - top * 5.599088178737374e-09;
    double sum = d + lost;
    double_parts tail = double_tail(gauss, t, sum, lost - (sum - d));
    *density = double_joined(gauss);
    return double_either(x > 0, double_rest_of_1(tail), tail);
}

VECTOR_INLINE double double_normal(double x, double *density)
{
    return double_joined(double_normal_parts(x, density));
}

/* x times the normal distribution function, for x >= -1000. From 40 on it is x */
VECTOR_INLINE double double_gelu(double x)
{
    double density, top = double_top(x);
    double_parts y = double_normal_parts(x, &density);
    double sum = y.most + y.rest, first = double_top(sum);
    double rest = (sum - first) + (y.rest - (sum - y.most));
    double result = (top * first + ((x - top) * first + x * rest)) * y.unit;
    return x > 40 ? x : copysign(result, x);
}

/* for a = |x| */
VECTOR_INLINE double_parts double_erfc_parts(double x)
{
    double a = double_at_most(fabs(x), ct__vector_bounds.f64_erfc_most), d = 1 + a, moved = d - a;
    double lost = (a - (d - moved)) + (1 - moved);
    return double_tail(double_gauss(a, 1), 2 * a / (a + 4.5) - 1, d, lost);
}

VECTOR_INLINE double double_erfc(double x)
{
    double tail = double_joined(double_erfc_parts(x));
    return x < 0 ? 2 - tail : tail;
}

/* Near 0, x + x p(x^2); else 1 - erfc |x| */
VECTOR_INLINE double double_erf(double x)
{
    double z = double_at_most(x * x, 1), z2 = z * z;
    double p0 = double_cubic(0.1283791670955126, -0.3761263890318375, 0.11283791670954857,
                             -0.026866170645072903, z, z2);
    double p1 = double_cubic(0.005223977624780955, -0.0008548326978747125, 0.00012055331037075004,
                             -1.4925593511015418e-05, z, z2);
    double p2 = double_cubic(1.6460972881793106e-06, -1.635002589423797e-07, 1.4657884256679133e-08,
                             -1.1365682624527597e-09, z, z2);
    double p = p0 + (p1 + (p2 + 5.945289257375883e-11 * (z2 * z2)) * (z2 * z2)) * (z2 * z2);
    double large = double_joined(double_rest_of_1(double_erfc_parts(x)));
    return fabs(x) < 0.8 ? p * x + x : copysign(large, x);
}
#endif
