/* Gradients of whole functions, f64, one thread, against the time of the function itself and against
 * other libraries. `gradient` is the value and the gradient; for bundle adjustment it is the blocks of
 * the Jacobian. Before anything is timed, each peer's value, and the product of its gradient with a
 * fixed vector, are compared with ours. Times are the processor's, which other programs disturb less
 * than the clock's. */
#include <math.h>

#include "bench.h"
#include "objectives.h"

static const char *const requests[] = {
    "logistic", "rosenbrock", "gaussian", "lotka", "schools", "pinn", "gmm 2 5 1000",
    "gmm 10 5 1000", "lstm 2 1024", "ba 31843",
};
enum { OBJECTIVES = sizeof requests / sizeof *requests };

static void value(void *user, int64_t repeats)
{
    const objective *o = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(o->cx);
        o->f(o, o->x);
        ct_scope_end(o->cx, scope);
    }
}

/* g[0], or one for each column */
static void differentiate(const objective *o, ct_tensor **g)
{
    ct_tensor *x = ct_variable(ct_detach(o->x)), *y = o->f(o, x);
    if (o->columns == 0)
        ct_grad(y, NULL, &x, 1, 0, g);
    for (int k = 0; k < o->columns; k++)
        ct_grad(y, o->data[1 + k], &x, 1, 0, &g[k]);
}

static void gradient(void *user, int64_t repeats)
{
    const objective *o = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(o->cx);
        ct_tensor *g[2];
        differentiate(o, g);
        ct_scope_end(o->cx, scope);
    }
}

/* x times a fixed vector, from its element `at` on */
static double product(const ct_tensor *x, int64_t stream, int64_t at)
{
    const double *number = ct_data_f64(x);
    double sum = number ? 0 : NAN;
    for (int64_t i = 0; number && i < ct_count(x); i++)
        sum += number[i] * (0.5 + bench_uniform(stream, at + i));
    return sum;
}

static double check_value(void *user)
{
    const objective *o = user;
    return product(o->f(o, o->x), 8, 0);
}

static double check_gradient(void *user)
{
    const objective *o = user;
    ct_tensor *g[2];
    double sum = 0;
    differentiate(o, g);
    for (int k = 0; k < (o->columns ? o->columns : 1); k++)
        sum += product(g[k], 9, k * ct_count(o->x));
    return sum;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-tuned-autodiff", "libtorch-tuned-autodiff",
                                         "adolc", "retaped", NULL };
    static objective objectives[OBJECTIVES];
    static bench_case cases[2 * OBJECTIVES];
    ct_context *cx = ct_context_new(NULL);
    for (int i = 0; i < OBJECTIVES; i++) {
        objectives[i] = objective_make(cx, requests[i]);
        for (int k = 0; k < 2; k++) {
            bench_case *c = &cases[2 * i + k];
            *c = (bench_case){ .threads = 1, .unit = "us", .run = k ? gradient : value,
                               .check = k ? check_gradient : check_value, .user = &objectives[i],
                               .processor_time = true, .derivative = k == 1 };
            const char *what = k ? "gradient" : "value";
            snprintf(c->name, sizeof c->name, "%s, %s", requests[i], what);
            snprintf(c->request, sizeof c->request, "%s %s", what, requests[i]);
        }
    }
    int failed = bench_main("autodiff", peers, cases, 2 * OBJECTIVES, argc, argv);
    return bench_close(cx) || failed;
}
