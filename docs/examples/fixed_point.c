/* Kepler's equation, and an orbit fitted through its solution by implicit differentiation. Derived
 * in fixed_point.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

enum { OBSERVED = 12 };

static const double pi = 3.14159265358979323846, period = 87.969;        /* days, of Mercury */

/* E = M + e sin E: x is E, then M and e */
static ct_tensor *kepler(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    (void)cx, (void)n, (void)user;
    return ct_add(x[1], ct_mul(x[2], ct_sin(x[0])));
}

/* E as a function of M and e. How it was found does not matter: nothing of it is recorded */
static ct_tensor *anomaly(ct_context *cx, ct_tensor *m, ct_tensor *e)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_tensor *x = m, *last = NULL;
    for (int i = 0; i < 200 && (i == 0 || ct_max_difference(x, last) > 0); i++) {
        last = x;
        x = kepler(cx, CT_TENSORS(last, m, e), NULL);
    }
    x = ct_scope_return(cx, scope, x);
    return ct_fixed_point(cx, kepler, NULL, x, CT_TENSORS(m, e));
}

/* 1 - e cos E: the distance from the sun in semi-major axes, after so many days. w is e and the
 * day of the perihelion */
static ct_tensor *distance(ct_context *cx, ct_tensor *w, ct_tensor *days)
{
    ct_tensor *e = ct_select(w, 0, 0), *perihelion = ct_select(w, 0, 1);
    ct_tensor *m = ct_scale(ct_sub(days, perihelion), 2 * pi / period);
    return ct_rsub(1, ct_mul(e, ct_cos(anomaly(cx, m, e))));
}

typedef struct data { ct_tensor *days, *r; } data;

static ct_tensor *misfit(ct_context *cx, ct_tensor *const *w, int n, void *user)
{
    const data *d = user;
    (void)n;
    return ct_half_squared_error(distance(cx, w[0], d->days), d->r);
}

int main(void)
{
    ct_context *cx = ct_context_new(NULL);
    ct_tensor *m = ct_scalar(cx, CT_F64, 1), *de, *d2e;
    ct_tensor *e = ct_variable(ct_scalar(cx, CT_F64, 0.5));
    ct_tensor *x = anomaly(cx, m, e);
    ct_grad(x, NULL, &e, 1, CT_CREATE_GRAPH, &de);
    ct_grad(de, NULL, &e, 1, 0, &d2e);
    double s = sin(ct_item(x)), c = cos(ct_item(x)), k = 1 / (1 - 0.5 * c);
    printf("E = %.10f at M = 1, e = 0.5\n", ct_item(x));
    printf("            implicit       formula\n");
    printf("dE/de     %.10f  %.10f\n", ct_item(de), s * k);
    printf("d2E/de2  %.10f %.10f\n", ct_item(d2e), s * k * k * (2 * c - 0.5 * s * s * k));

    ct_tensor *truth = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(0.2056, 31));
    ct_tensor *days = ct_linspace(cx, CT_F64, 0, 80, OBSERVED);
    data d = { days, distance(cx, truth, days) };
    double w[2] = { 0.1, 20 };
    ct_minimize_report report = { .value = NAN };
    ct_lbfgs(cx, misfit, &d, w, 2, NULL, &report);
    printf("fixed_point: e = %.6f, perihelion on day %.4f\n", w[0], w[1]);
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
