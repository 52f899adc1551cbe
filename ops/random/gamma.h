/* The gamma distribution of shape a and mean a, for finite a > 0: its distribution function
 * P(a, x) is the integral of its density p(a, t) = t^(a-1) e^-t / Gamma(a) for t from 0 to x. */
#ifndef CT__GAMMA_H
#define CT__GAMMA_H
#include <cotangent/op.h>

enum { CT__GAMMA_ORDERS = 8 };

/* The x with P(a, x) = u, 0 < u < 1. It is 0 where it is too small for a double. */
double ct__gamma_quantile(double a, double u);
/* -P_n / p at (a, x), where P_n is the n-th derivative of P by a, n = 1 to CT__GAMMA_ORDERS. At
 * x = 0 it is 0. For n = 1 it is dx/da where x moves with a so that P keeps its value. */
double ct__gamma_slope(int n, double a, double x);

/* the same for tensors, as an operator: gamma_slope.c */
ct_tensor *ct__gamma_slopes(int n, ct_tensor *a, ct_tensor *x);
#endif
