/* Hares and lynxes: the rates of the Lotka-Volterra equations, fitted through 500 steps of
 * Runge and Kutta's method with checkpoints. Derived in lotka_volterra.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

enum { YEARS = 20, STEPS = 25 };         /* steps in a year */

/* thousands of pelts, of hares and lynxes, that the Hudson's Bay Company bought, 1900 to 1920 */
static const double pelts[YEARS + 1][2] = {
    { 30, 4 }, { 47.2, 6.1 }, { 70.2, 9.8 }, { 77.4, 35.2 }, { 36.3, 59.4 }, { 20.6, 41.7 },
    { 18.1, 19 }, { 21.4, 13 }, { 22, 8.3 }, { 25.4, 9.1 }, { 27.1, 7.4 }, { 40.3, 8 },
    { 57, 12.3 }, { 76.6, 19.5 }, { 52.3, 45.7 }, { 19.5, 51.1 }, { 11.2, 29.7 }, { 7.6, 15.8 },
    { 14.6, 9.7 }, { 16.2, 10.1 }, { 24.7, 8.6 }
};

/* z = (log hares, log lynxes): z' = (alpha - beta e^z1, -gamma + delta e^z0) */
static ct_tensor *slope(ct_tensor *z, ct_tensor *const *w)
{
    return ct_add(w[0], ct_mul(w[1], ct_flip(ct_exp(z), CT_AXES(0))));
}

/* z a year later: x is z, own = (alpha, -gamma) and other = (-beta, delta) */
static ct_tensor *year(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *z = x[0], *const *w = x + 1;
    double dt = 1.0 / STEPS;
    (void)cx, (void)n, (void)user;
    for (int i = 0; i < STEPS; i++) {
        ct_tensor *k1 = slope(z, w);
        ct_tensor *k2 = slope(ct_add(z, ct_scale(k1, dt / 2)), w);
        ct_tensor *k3 = slope(ct_add(z, ct_scale(k2, dt / 2)), w);
        ct_tensor *k4 = slope(ct_add(z, ct_scale(k3, dt)), w);
        ct_tensor *sum = ct_add(ct_add(k1, k4), ct_scale(ct_add(k2, k3), 2));
        z = ct_add(z, ct_scale(sum, dt / 6));
    }
    return z;
}

/* 1/2 |z - log pelts|^2; w: log of alpha, gamma, beta, delta, then z at 0; user: checkpoints? */
static ct_tensor *misfit(ct_context *cx, ct_tensor *const *w, int n, void *user)
{
    ct_tensor *sign = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, -1));
    ct_tensor *v[3], *z[YEARS + 1];
    (void)n;
    ct_split(w[0], CT_SIZES(2, 2, 2), 0, v);
    ct_tensor *own = ct_mul(ct_exp(v[0]), sign), *other = ct_mul(ct_exp(v[1]), ct_neg(sign));
    z[0] = v[2];
    for (int i = 0; i < YEARS; i++)
        z[i + 1] = *(bool *)user ? ct_checkpoint(cx, year, NULL, CT_TENSORS(z[i], own, other))
                                 : year(cx, CT_TENSORS(z[i], own, other), NULL);
    ct_tensor *counted = ct_log(ct_from_memory(cx, CT_F64, CT_SHAPE(YEARS + 1, 2), pelts));
    return ct_half_squared_error(ct_stack(z, YEARS + 1, 0), counted);
}

int main(void)
{
    static const char *const names[] = { "alpha", "gamma", "beta", "delta", "hares", "lynxes" };
    double w[6] = { log(0.5), log(1), log(0.02), log(0.02), log(30), log(4) }, g[2][6], differ = 0;
    ct_context *cx = ct_context_new(NULL);
    ct_memory memory[2];
    for (int whole = 0; whole < 2; whole++) {
        ct_value_and_gradient(cx, misfit, &(bool){ !whole }, w, 6, g[whole]);
        ct_memory_stats(cx, &memory[whole]);            /* the first peak is the lower one */
    }
    for (int i = 0; i < 6; i++)
        differ = fmax(differ, fabs(g[0][i] - g[1][i]));
    printf("checkpoints: %s gradient in %s of the memory\n", differ < 1e-10 ? "same" : "another",
           memory[0].peak_bytes * 10 < memory[1].peak_bytes ? "less than 1/10" : "1/10 or more");
    ct_minimize_options options = { .gradient_tolerance = 1e-6 };
    ct_lbfgs(cx, misfit, &(bool){ true }, w, 6, &options, NULL);
    printf("lotka_volterra:");
    for (int i = 0; i < 6; i++)
        printf(" %s %.3f%s", names[i], exp(w[i]), i < 5 ? "," : "\n");
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
