/* Functions of one or two double numbers that libm lacks. tests/ops/elementwise/test_reference.c
 * says how exact they are. */
#ifndef CT__SPECIAL_H
#define CT__SPECIAL_H

/* the number of which the error function is x; infinite at -1 and 1, NaN beyond */
double ct__erfinv(double x);
/* log |Gamma(x)|, which threads may call at once */
double ct__log_gamma(double x);
/* The n-th derivative of the digamma function, n >= 0. At a pole it is infinite where both sides
 * agree, or where x is 0, whose sign tells the side; else it is NaN */
double ct__polygamma(int n, double x);
/* the n-th derivative of sin(pi x) / (pi x), n >= 0 */
double ct__sinc(int n, double x);

/* a / hypot(a, b), its limit for infinite ones, and 0 at the origin */
double ct__direction(double a, double b);
/* g a / (a^2 + b^2), in which nothing overflows, and 0 at the origin */
double ct__per_square(double g, double a, double b);
/* log(e^a + e^b) */
double ct__logaddexp(double a, double b);
/* e^a / (e^a + e^b); 1/2 where both are the same infinity */
double ct__weight(double a, double b);
/* a - b floor(a / b): it has the sign of b */
double ct__remainder(double a, double b);
/* floor(a / b), from what remains: a / b is rounded, and may reach the next whole number */
double ct__floored(double a, double b);
#endif
