/* A Gaussian process whose scales are fitted by its marginal likelihood. Derived in
 * gaussian_process.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

enum { N = 60 };

typedef struct data { ct_tensor *x, *y; } data;       /* (N): places, and what was measured there */

/* k(a_i, b_j) = amplitude^2 exp(-(a_i - b_j)^2 / (2 length^2)) */
static ct_tensor *covariance(ct_tensor *a, ct_tensor *b, ct_tensor *length, ct_tensor *amplitude)
{
    ct_tensor *d = ct_sub(ct_unsqueeze(a, 1), ct_unsqueeze(b, 0));
    ct_tensor *e = ct_exp(ct_scale(ct_square(ct_div(d, length)), -0.5));
    return ct_mul(ct_square(amplitude), e);
}

/* log_scales: the logarithms of length, amplitude and noise */
static ct_tensor *factor(ct_tensor *log_scales, ct_tensor *x)
{
    ct_tensor *s[3];
    ct_unbind(ct_exp(log_scales), 0, s, 3);
    ct_tensor *noise = ct_mul(ct_square(s[2]), ct_eye(ct_context_of(x), CT_F64, N));
    return ct_cholesky(ct_add(covariance(x, x, s[0], s[1]), noise));
}

/* -log p(y | x) = 1/2 |L^-1 y|^2 + sum of log L_ii + N/2 log 2 pi,  K = L L^T */
static ct_tensor *minus_log_likelihood(ct_context *cx, ct_tensor *const *log_scales, int n,
                                       void *user)
{
    const data *d = user;
    (void)cx, (void)n;
    ct_tensor *l = factor(log_scales[0], d->x);
    ct_tensor *fit = ct_sum(ct_square(ct_solve_triangular(l, d->y, 0)));
    ct_tensor *volume = ct_sum(ct_log(ct_diag(l, 0)));
    return ct_shift(ct_add(ct_scale(fit, 0.5), volume), N / 2.0 * log(2 * acos(-1)));
}

/* the mean K_*^T K^-1 y and the standard deviation of sin at the places `at` */
static void predict(const data *d, const double *log_scales, ct_tensor *at, ct_tensor **mean,
                    ct_tensor **deviation)
{
    ct_tensor *s = ct_from_memory(ct_context_of(at), CT_F64, CT_SHAPE(3), log_scales);
    ct_tensor *length = ct_exp(ct_select(s, 0, 0)), *amplitude = ct_exp(ct_select(s, 0, 1));
    ct_tensor *l = factor(s, d->x), *k = covariance(d->x, at, length, amplitude);
    ct_tensor *v = ct_solve_triangular(l, k, 0);     /* L^-1 K_*: (N,places) */
    *mean = ct_matmul(ct_transpose(v), ct_solve_triangular(l, d->y, 0));
    ct_tensor *known = ct_sum_over(ct_square(v), CT_AXES(0), 0);
    *deviation = ct_sqrt(ct_sub(ct_square(amplitude), known));
}

int main(void)
{
    static const char *const names[] = { "length", "amplitude", "noise" };
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    ct_tensor *x = ct_linspace(cx, CT_F64, 0, 10, N), *noise = ct_randn(cx, CT_F64, CT_SHAPE(N));
    data d = { x, ct_add(ct_sin(x), ct_scale(noise, 0.2)) };
    double s[3] = { 0, 0, 0 };
    ct_tensor *start = ct_from_memory(cx, CT_F64, CT_SHAPE(3), s), *mean, *deviation;
    ct_verdict verdict = ct_gradcheck(cx, minus_log_likelihood, &d, &start, 1, NULL, NULL);
    printf("gradient of the likelihood: %s\n", ct_verdict_text(verdict));
    ct_minimize_report report = { .value = NAN };
    ct_lbfgs(cx, minus_log_likelihood, &d, s, 3, NULL, &report);
    for (int i = 0; i < 3; i++)
        printf("%-10s %.3f\n", names[i], exp(s[i]));
    ct_tensor *at = ct_linspace(cx, CT_F64, 2, 12, 6);
    predict(&d, s, at, &mean, &deviation);
    printf("   x   sin x    mean  +- deviation\n");
    for (int i = 0; i < 6; i++)
        printf("%4.0f  %6.3f  %6.3f  +- %.3f\n", 2.0 + 2 * i, sin(2.0 + 2 * i),
               ct_at(mean, CT_INDEX(i)), ct_at(deviation, CT_INDEX(i)));
    printf("gaussian_process: -log p = %.4f\n", report.value);
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
