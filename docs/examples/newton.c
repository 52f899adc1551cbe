/* Newton's method on logistic regression: which of two irises is it? Derived in newton.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

#include "iris.h"

enum { FLOWERS = 100, WEIGHTS = 5 };

typedef struct data {
    ct_tensor *x;               /* (FLOWERS,WEIGHTS): a 1, and four lengths in cm */
    ct_tensor *t;               /* (FLOWERS): 0 for versicolor, 1 for virginica */
} data;

/* -log L(w) = sum of -t log p - (1 - t) log(1 - p), p = 1 / (1 + e^-(x w)) */
static ct_tensor *minus_log_likelihood(ct_context *cx, ct_tensor *const *w, int n, void *user)
{
    const data *d = user;
    (void)cx, (void)n;
    return ct_sum(ct_binary_cross_entropy_each(ct_matmul(d->x, w[0]), d->t));
}

static double largest(const double *g, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(g[i]));
    return most;
}

/* w -= H^-1 g */
static void newton_step(ct_context *cx, double *w, const double *g, const double *h)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *step = ct_solve(ct_from_memory(cx, CT_F64, CT_SHAPE(WEIGHTS, WEIGHTS), h),
                               ct_from_memory(cx, CT_F64, CT_SHAPE(WEIGHTS), g));
    for (int i = 0; i < WEIGHTS; i++)
        w[i] -= ct_at(step, CT_INDEX(i));
    ct_scope_end(cx, scope);
}

int main(void)
{
    static const char *const names[] = { "constant", "sepal length", "sepal width", "petal length",
                                         "petal width" };
    ct_context *cx = ct_context_new(NULL);
    ct_tensor *mm = ct_from_memory(cx, CT_F64, CT_SHAPE(FLOWERS, 4), iris);
    ct_tensor *ones = ct_ones(cx, CT_F64, CT_SHAPE(FLOWERS, 1));
    ct_tensor *number = ct_range(cx, CT_F64, FLOWERS), *half = ct_scalar(cx, CT_F64, 50);
    data d = { ct_concat(CT_TENSORS(ones, ct_scale(mm, 0.1)), 1),
               ct_cast(ct_ge(number, half), CT_F64) };

    double w[WEIGHTS] = { 0 }, g[WEIGHTS], h[WEIGHTS * WEIGHTS], value = INFINITY;
    printf("step  -log L     largest |g|\n");
    for (int step = 0; step < 20 && !ct_error(cx); step++) {
        value = ct_value_gradient_and_hessian(cx, minus_log_likelihood, &d, w, WEIGHTS, g, h);
        double most = largest(g, WEIGHTS);
        printf(most > 1e-9 ? "%4d  %9.6f  %.0e\n" : "%4d  %9.6f  below 1e-9\n", step, value, most);
        if (most <= 1e-9)
            break;
        newton_step(cx, w, g, h);
    }

    ct_tensor *hessian = ct_from_memory(cx, CT_F64, CT_SHAPE(WEIGHTS, WEIGHTS), h);
    ct_tensor *errors = ct_sqrt(ct_diag(ct_inverse(hessian), 0));
    printf("\n%-14s  weight  standard error\n", "");
    for (int i = 0; i < WEIGHTS; i++)
        printf("%-14s %7.3f  %6.3f\n", names[i], w[i], ct_at(errors, CT_INDEX(i)));
    ct_tensor *z = ct_matmul(d.x, ct_from_memory(cx, CT_F64, CT_SHAPE(WEIGHTS), w));
    ct_tensor *wrong = ct_ne(ct_cast(ct_gt(z, ct_scalar(cx, CT_F64, 0)), CT_F64), d.t);
    printf("\nnewton: -log L = %.4f; %.0f of %d flowers are on the wrong side\n", value,
           (double)ct_item_int(ct_count_nonzero(wrong)), FLOWERS);
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
