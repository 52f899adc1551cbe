/* The Hessian of Rosenbrock's function of 50 numbers, and conjugate gradients on its products with
 * vectors. Derived in rosenbrock.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

enum { N = 50 };

/* the sum over i of 100 (x_i+1 - x_i^2)^2 + (1 - x_i)^2 */
static ct_tensor *rosenbrock(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    (void)cx, (void)n, (void)user;
    ct_tensor *low = ct_slice(x[0], 0, 0, -1, 1), *high = ct_slice(x[0], 0, 1, CT_END, 1);
    ct_tensor *valley = ct_square(ct_sub(high, ct_square(low)));
    return ct_sum(ct_add(ct_scale(valley, 100), ct_square(ct_rsub(1, low))));
}

/* the Hessian by hand: nothing is further from the diagonal than one place */
static double by_hand(const double *x, int i, int j)
{
    if (i == j)
        return (i < N - 1 ? 1200 * x[i] * x[i] - 400 * x[i + 1] + 2 : 0) + (i > 0 ? 200 : 0);
    return i - j == 1 ? -400 * x[j] : j - i == 1 ? -400 * x[i] : 0;
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += a[i] * b[i];
    return sum;
}

/* H d = b by conjugate gradients: H is seen by its products with vectors only */
static void solve(ct_context *cx, const double *x, const double *b, double *d)
{
    double r[N], p[N], hp[N];
    for (int i = 0; i < N; i++)
        d[i] = 0, r[i] = p[i] = b[i];
    for (double rr = dot(r, r), start = rr; rr > 1e-24 * start && !ct_error(cx);) {
        ct_value_and_hessian_vector(cx, rosenbrock, NULL, x, N, p, NULL, hp);
        double alpha = rr / dot(p, hp), before = rr;
        for (int i = 0; i < N; i++)
            d[i] += alpha * p[i], r[i] -= alpha * hp[i];
        rr = dot(r, r);
        for (int i = 0; i < N; i++)
            p[i] = r[i] + rr / before * p[i];
    }
}

int main(void)
{
    ct_context *cx = ct_context_new(NULL);
    double x[N], g[N], h[N * N], d[N], wrong = 0, error = 0, far = 0;
    for (int i = 0; i < N; i++)
        x[i] = 1 + 0.1 * sin(i);
    ct_value_gradient_and_hessian(cx, rosenbrock, NULL, x, N, g, h);
    for (int i = 0; i < N * N; i++)
        wrong = fmax(wrong, fabs(h[i] - by_hand(x, i / N, i % N)));
    printf("Hessian (%d,%d): %s the formula\n", N, N, wrong < 1e-10 ? "equals" : "differs from");
    solve(cx, x, g, d);
    ct_tensor *hessian = ct_from_memory(cx, CT_F64, CT_SHAPE(N, N), h);
    ct_tensor *exact = ct_solve(hessian, ct_from_memory(cx, CT_F64, CT_SHAPE(N), g));
    for (int i = 0; i < N; i++)
        error = fmax(error, fabs(d[i] - ct_at(exact, CT_INDEX(i))));
    printf("H d = g by products H v: %s\n", error < 1e-10 ? "as by the matrix" : "differs");
    for (int i = 0; i < N; i++)
        x[i] = -1.2 + 2.2 * (i % 2);
    ct_minimize_report report = { .value = NAN };
    ct_newton_cg(cx, rosenbrock, NULL, x, N, NULL, &report);
    for (int i = 0; i < N; i++)
        far = fmax(far, fabs(x[i] - 1));
    printf("rosenbrock: %s, every x within %s of 1\n", report.value < 1e-20 ? "value below 1e-20" :
           "not minimized", far < 1e-10 ? "1e-10" : "more");
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
