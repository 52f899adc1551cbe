/* Vectors of doubles: the loops that plain factorizations are made of. */
#ifndef CT__VECTORS_H
#define CT__VECTORS_H
#include <math.h>
#include <stdint.h>

/* Four sums side by side: one alone would wait for each addition. */
static inline double ct__dot(int64_t n, const double *x, const double *y)
{
    double sum[4] = { 0 };
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        sum[0] += x[i] * y[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static inline void ct__axpy(int64_t n, double factor, const double *x, double *restrict y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static inline void ct__multiply_by(int64_t n, double factor, double *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

/* (x, y) becomes (c x - s y, s x + c y) */
static inline void ct__rotate(int64_t n, double c, double s, double *restrict x,
                              double *restrict y)
{
    for (int64_t i = 0; i < n; i++) {
        double old = x[i];
        x[i] = c * old - s * y[i];
        y[i] = s * old + c * y[i];
    }
}

static inline double ct__largest(int64_t n, const double *x)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fabs(x[i]) > largest ? fabs(x[i]) : largest;
    return largest;
}

/* the power of 2 that brings x, which is positive, between 1 and 2; 1 for 0 */
static inline double ct__unit_of(double x)
{
    int exponent;
    frexp(x, &exponent);
    return x > 0 ? ldexp(1, exponent > -1000 ? 1 - exponent : 1001) : 1;
}

/* sqrt of the sum of squares; none of these overflows or vanishes on the way */
static inline double ct__norm(int64_t n, const double *x)
{
    double sum = ct__dot(n, x, x);
    if (sum > 1e-280 && sum < 1e280)
        return sqrt(sum);
    double unit = ct__unit_of(ct__largest(n, x));
    sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * unit * (x[i] * unit);
    return sqrt(sum) / unit;
}
#endif
