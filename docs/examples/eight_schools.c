/* Hamiltonian Monte Carlo on the eight schools, a hundred chains at once. See eight_schools.md */
#include <cotangent.h>
#include <stdio.h>

enum { SCHOOLS = 8, SIZE = 2 + SCHOOLS, CHAINS = 100, WARM_UP = 100, DRAWS = 500, LEAPS = 8 };
static const double effects[] = { 28, 8, -3, 7, -1, 1, 18, 12 };     /* of coaching, in points */
static const double errors[] = { 15, 10, 16, 11, 9, 11, 10, 18 };    /* their standard errors */
static const double known[] = { 4.40, 3.60, 6.21, 4.94, 3.93, 4.76, 3.62, 4.04, 6.30, 4.85 };

/* (m, log tau, eta_1 ... eta_8) of each chain as mu = 5 m, tau, theta = mu + tau eta */
static ct_tensor *unpack(ct_tensor *q)
{
    ct_tensor *part[3];
    ct_split(q, CT_SIZES(1, 1, SCHOOLS), 1, part);
    ct_tensor *mu = ct_scale(part[0], 5), *tau = ct_exp(part[1]);
    return ct_concat(CT_TENSORS(mu, tau, ct_add(mu, ct_mul(tau, part[2]))), 1);
}

static ct_tensor *half_square(ct_tensor *x)                          /* 1/2 |x|^2 of each row */
{
    return ct_scale(ct_sum_over(ct_square(x), CT_AXES(1), 0), 0.5);
}

/* U(q) = constant - log p(q | effects): (CHAINS,SIZE) -> (CHAINS) */
static ct_tensor *energy(ct_context *cx, ct_tensor *q)
{
    ct_tensor *y = ct_from_memory(cx, CT_F64, CT_SHAPE(SCHOOLS), effects), *x = unpack(q);
    ct_tensor *sigma = ct_from_memory(cx, CT_F64, CT_SHAPE(SCHOOLS), errors);
    ct_tensor *log_tau = ct_select(q, 1, 1), *theta = ct_slice(x, 1, 2, CT_END, 1);
    ct_tensor *normal = ct_sub(half_square(q), ct_scale(ct_square(log_tau), 0.5));
    ct_tensor *cauchy = ct_log1p(ct_square(ct_scale(ct_select(x, 1, 1), 0.2)));
    ct_tensor *misfit = half_square(ct_div(ct_sub(y, theta), sigma));
    return ct_add(ct_add(misfit, normal), ct_sub(cauchy, log_tau));
}

/* *u = U and dU/dq. Chains do not know of each other: so the gradient of the sum has them all */
static ct_tensor *slope(ct_context *cx, ct_tensor *q, ct_tensor **u)
{
    ct_tensor *g, *x = ct_variable(ct_detach(q));
    *u = energy(cx, x);
    ct_grad(ct_sum(*u), NULL, &x, 1, 0, &g);
    return g;
}

/* the next state of all chains: LEAPS steps of the leapfrog method, then accepted or not */
static ct_tensor *draw(ct_context *cx, ct_tensor *old)
{
    const double step = 0.2;
    ct_tensor *u0, *u, *q = old, *p0 = ct_randn(cx, CT_F64, CT_SHAPE(CHAINS, SIZE));
    ct_tensor *p = ct_sub(p0, ct_scale(slope(cx, q, &u0), step / 2));
    for (int i = 1; i <= LEAPS; i++) {
        q = ct_add(q, ct_scale(p, step));
        p = ct_sub(p, ct_scale(slope(cx, q, &u), i < LEAPS ? step : step / 2));
    }
    ct_tensor *fall = ct_sub(ct_add(u0, half_square(p0)), ct_add(u, half_square(p)));
    ct_tensor *accept = ct_lt(ct_log(ct_rand(cx, CT_F64, CT_SHAPE(CHAINS))), fall);
    return ct_where(ct_unsqueeze(accept, 1), q, old);
}

int main(void)
{
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    ct_tensor *q = ct_retain(ct_randn(cx, CT_F64, CT_SHAPE(CHAINS, SIZE)));
    ct_tensor *mean = ct_zeros(cx, CT_F64, CT_SHAPE(SIZE));
    for (int i = -WARM_UP; i < DRAWS && !ct_error(cx); i++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_keep(&q, draw(cx, q));
        ct_assign_add(mean, i < 0 ? 0 : 1.0 / DRAWS, ct_mean_over(unpack(q), CT_AXES(0), 0));
        ct_scope_end(cx, scope);
    }
    ct_tensor *truth = ct_from_memory(cx, CT_F64, CT_SHAPE(SIZE), known);
    printf("posterior means of mu, tau, theta_1 ... theta_8: by HMC\n%s\nby quadrature\n%s\n",
           ct_text(ct_scale(ct_round(ct_scale(mean, 100)), 0.01)), ct_text(truth));
    double wrong = ct_max_difference(mean, truth);
    printf("eight_schools: the means are right to 0.1: %s\n", wrong < 0.1 ? "yes" : "no");
    if (ct_error(cx))
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return !(wrong < 0.1);
}
