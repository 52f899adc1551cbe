/* A network that solves u'' = -pi^2 sin(pi x), u(0) = u(1) = 0, though it sees the equation only.
 * Derived in pinn.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

enum { HIDDEN = 16, POINTS = 32, WEIGHTS = 3 * HIDDEN };

static const double pi = 3.14159265358979323846;

/* u(x) = x (1 - x) N(x), N(x) = sum over j of c_j tanh(a_j x + b_j): zero at both ends, whatever N
 * is. x is (points,1), w is a, b and c, one behind the other; u is (points,1) */
static ct_tensor *solution(ct_tensor *x, ct_tensor *w)
{
    ct_tensor *v[3];
    ct_split(w, CT_SIZES(HIDDEN, HIDDEN, HIDDEN), 0, v);
    ct_tensor *h = ct_tanh(ct_add(ct_mul(x, v[0]), v[1]));
    ct_tensor *net = ct_matmul(h, ct_unsqueeze(v[2], 1));
    return ct_mul(ct_mul(x, ct_rsub(1, x)), net);
}

/* Row i of u depends on row i of x alone: so the gradient of the sum of u is u' in each row */
static ct_tensor *derivative(ct_tensor *u, ct_tensor *x)
{
    ct_tensor *du;
    ct_grad(ct_sum(u), NULL, &x, 1, CT_CREATE_GRAPH, &du);
    return du;
}

/* mean over the points of (u'' + pi^2 sin(pi x))^2; user: the points */
static ct_tensor *residual(ct_context *cx, ct_tensor *const *w, int n, void *user)
{
    (void)cx, (void)n;
    ct_tensor *x = ct_variable(ct_detach(user));
    ct_tensor *u2 = derivative(derivative(solution(x, w[0]), x), x);
    ct_tensor *force = ct_scale(ct_sin(ct_scale(ct_detach(x), pi)), pi * pi);
    return ct_mean(ct_square(ct_add(u2, force)));
}

/* the largest |u - sin(pi x)| at 1,001 places, most of which it was not fitted at */
static double error_of(ct_context *cx, const double *weights)
{
    ct_tensor *x = ct_reshape(ct_linspace(cx, CT_F64, 0, 1, 1001), CT_SHAPE(-1, 1));
    ct_tensor *w = ct_from_memory(cx, CT_F64, CT_SHAPE(WEIGHTS), weights);
    return ct_max_difference(solution(x, w), ct_sin(ct_scale(x, pi)));
}

int main(void)
{
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    ct_tensor *start = ct_randn(cx, CT_F64, CT_SHAPE(WEIGHTS));
    ct_tensor *x = ct_reshape(ct_linspace(cx, CT_F64, 0, 1, POINTS), CT_SHAPE(-1, 1));
    double w[WEIGHTS];
    ct_to_doubles(start, w, WEIGHTS);
    printf("the largest |u - sin(pi x)| of a random network: %.2f\n", error_of(cx, w));
    ct_minimize_report report = { .value = NAN };
    ct_minimize_options options = { .memory = 50, .gradient_tolerance = 1e-6 };
    ct_lbfgs(cx, residual, x, w, WEIGHTS, &options, &report);
    printf("L-BFGS: mean squared residual %s\n", report.value < 1e-6 ? "below 1e-6" : "too large");
    double error = error_of(cx, w);
    printf("pinn: the largest error is %s\n", error < 1e-5 ? "below 1e-5" : "not below 1e-5");
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed || !(error < 1e-5);
}
