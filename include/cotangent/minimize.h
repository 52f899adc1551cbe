/* Minimizing a function of n numbers, and what optimizers of others need: plain arrays in and out.
 *
 *   double x[] = { -1.2, 1 };
 *   ct_minimize_report report;
 *   if (ct_lbfgs(cx, rosenbrock, NULL, x, 2, NULL, &report) == CT_OK)
 *       printf("%g at (%g, %g)\n", report.value, x[0], x[1]);
 *
 * f is as in ct_value_and_gradient (autograd.h): it gets one f64 input of shape (n), and its value
 * has one element. */
#ifndef COTANGENT_MINIMIZE_H
#define COTANGENT_MINIMIZE_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* The value, the gradient gx (n) and the Hessian h (n,n) at x. gx and h may be NULL. The value is
   NaN on failure */
double ct_value_gradient_and_hessian(ct_context *cx, ct_function f, void *user, const double *x,
                                     int64_t n, double *gx, double *h);
/* The value, the gradient gx (n) and H v, where H is the Hessian. gx may be NULL. The value is NaN
   on failure */
double ct_value_and_hessian_vector(ct_context *cx, ct_function f, void *user, const double *x,
                                   int64_t n, const double *v, double *gx, double *hv);

/* why a minimization ended */
typedef enum ct_minimize_end {
    CT_MINIMIZE_NONE = 0,          /* it failed; the status and the error say why */
    CT_MINIMIZE_CONVERGED = 1,     /* the gradient is within its tolerance */
    CT_MINIMIZE_FLAT = 2,          /* the value falls no more than its tolerance, or its rounding */
    CT_MINIMIZE_ITERATIONS = 3,    /* max_iterations are done */
    CT_MINIMIZE_EVALUATIONS = 4    /* max_evaluations are done */
} ct_minimize_end;

/* zeros are the defaults */
typedef struct ct_minimize_options {
    int memory;                    /* of ct_lbfgs: how many pairs of vectors are kept; 0: 10 */
    int max_iterations;            /* 0: 1,000 */
    int64_t max_evaluations;       /* of the value and the gradient; 0: no limit */
    double gradient_tolerance;     /* for the largest |gx_i|; 0: 1e-8; negative: none */
    double value_tolerance;        /* for the fall of the value in one iteration, as a part of
                                      max(|value|, 1); 0: none */
    uint64_t reserved[8];          /* must be 0 */
} ct_minimize_options;

/* what a minimization did */
typedef struct ct_minimize_report {
    ct_minimize_end end;
    double value, gradient;        /* at the x that is returned: the value, and the largest |gx_i|
   */
    int iterations;
    int64_t evaluations, products; /* of the value and the gradient; of H v */
    uint64_t reserved[6];
} ct_minimize_report;

/* Minimizes f from x on, by the limited-memory BFGS method (Nocedal and Wright, Numerical
   Optimization, 2nd edition, algorithms 7.4 and 7.5), with a line search by the strong Wolfe
   conditions (3.5 and 3.6). x becomes the best point found, on failure too. A point where the value
   or its gradient is not finite counts as too far; at the start it is CT_ERROR_VALUE. It is
   CT_ERROR_VALUE if the value does not fall where the gradient says that it must: most often the
   gradient is wrong (gradcheck.h). An error in f ends it. options and report may be NULL */
ct_status ct_lbfgs(ct_context *cx, ct_function f, void *user, double *x, int64_t n,
                   const ct_minimize_options *options, ct_minimize_report *report);
/* Minimizes f as ct_lbfgs does, but by a truncated Newton method (algorithm 7.1): each step solves
   H d = -gx approximately, by conjugate gradients on products H v. It needs few iterations where H
   v is worth its price: where the problem is ill-conditioned, or x is to be exact to many digits */
ct_status ct_newton_cg(ct_context *cx, ct_function f, void *user, double *x, int64_t n,
                       const ct_minimize_options *options, ct_minimize_report *report);

CT_API_END
#endif
