/* Functions that are right, and hard to check by differences. */
#include "proof.h"

#include <math.h>

/* a point, and what more the function must know */
typedef struct point {
    int n;
    double values[6], spread; /* each is multiplied by 1 + spread z, z normal */
    int tensors;              /* 0: one */
    int steps;                /* of a map */
} point;

#define FUNCTION(name, expression)                                                              \
    static ct_tensor *name(ct_context *cx, ct_tensor *const *xs, int n, void *user)             \
    {                                                                                           \
        ct_tensor *x = xs[0], *w = xs[n - 1];                                                   \
        (void)cx, (void)w, (void)user;                                                          \
        return expression;                                                                      \
    }

/* -- Smooth */
FUNCTION(sine, ct_sin(x))
FUNCTION(exponential, ct_exp(x))
FUNCTION(square, ct_square(x))
FUNCTION(product, ct_mul(ct_sin(x), ct_exp(w)))
FUNCTION(softmaxes, ct_softmax(x, 0))
FUNCTION(log_softmaxes, ct_log_softmax(x, 0))
FUNCTION(normed, ct_layer_norm(x, CT_SHAPE(5), NULL, NULL, 1e-5))
FUNCTION(outer, ct_mul(ct_unsqueeze(x, 0), ct_unsqueeze(ct_exp(x), 1)))
FUNCTION(gelus, ct_gelu(x))
FUNCTION(penalty, ct_sum(ct_square(ct_tanh(ct_matmul(ct_unsqueeze(x, 0), ct_unsqueeze(x, 1))))))
FUNCTION(total, ct_sum(ct_softmax(x, 0)))
FUNCTION(dropped, ct_dropout(ct_square(x), 0.5))
FUNCTION(identity, x)
FUNCTION(cubes, ct_mul(x, ct_square(x)))
FUNCTION(even_powers, ct_square(ct_square(x)))

/* -- Scales */
FUNCTION(times_1e_10, ct_scale(ct_exp(x), 1e-10))
FUNCTION(times_1e_20, ct_scale(ct_sin(x), 1e-20))
FUNCTION(times_1e10, ct_scale(ct_exp(x), 1e10))
FUNCTION(times_1e100, ct_scale(ct_exp(x), 1e100))
FUNCTION(slow, ct_sin(ct_scale(x, 1e-8)))
FUNCTION(fast, ct_sin(ct_scale(x, 1e8)))
FUNCTION(on_top, ct_shift(ct_sin(x), 1e4))
FUNCTION(small_on_top, ct_shift(ct_scale(ct_sin(x), 1e-10), 1))
FUNCTION(halves, ct_scale(x, 0.5))
FUNCTION(normalized, ct_div(x, ct_mean(ct_abs(x))))
FUNCTION(reciprocal, ct_div(ct_ones_like(x), x))
FUNCTION(logs, ct_log(x))
FUNCTION(roots, ct_sqrt(x))
FUNCTION(power_3_2, ct_mul(ct_abs(x), ct_sqrt(ct_abs(x))))
FUNCTION(sum_power_3_2, ct_sum(ct_mul(ct_abs(x), ct_sqrt(ct_abs(x)))))
FUNCTION(sum_of_logs, ct_sum(ct_log(x)))
FUNCTION(sum_reciprocal, ct_sum(ct_div(ct_ones_like(x), x)))

/* -- Kinks */
FUNCTION(relus, ct_relu(x))
FUNCTION(absolutes, ct_abs(x))
FUNCTION(leaky, ct_leaky_relu(x, 0.1))
FUNCTION(clamped, ct_clamp(x, -1, 1))
FUNCTION(largest, ct_max(x))
FUNCTION(smallest, ct_min(x))
FUNCTION(two_relus, ct_sub(ct_relu(x), ct_relu(ct_neg(x))))
FUNCTION(three_relus, ct_sub(ct_scale(ct_relu(x), 3), ct_relu(ct_neg(x))))
FUNCTION(cancelled, ct_sub(ct_abs(x), ct_abs(ct_neg(x))))
FUNCTION(both_ends, ct_add(ct_max(x), ct_min(x)))
FUNCTION(range, ct_sub(ct_max(x), ct_min(x)))
FUNCTION(larger, ct_maximum(x, w))
FUNCTION(larger_and_smaller, ct_add(ct_maximum(x, w), ct_minimum(x, w)))
FUNCTION(sum_of_abs, ct_sum(ct_abs(x)))
FUNCTION(norm_one, ct_div(x, ct_shift(ct_sum(ct_abs(x)), 1)))
FUNCTION(hinge, ct_mean(ct_relu(ct_rsub(1, ct_mul(x, w)))))
FUNCTION(deep_relu, ct_relu(ct_matmul(ct_relu(ct_matmul(ct_unsqueeze(x, 1), ct_unsqueeze(w, 0))),
                                      ct_unsqueeze(x, 1))))

/* -- Structure that is finer than the first steps */
#define FINE(name, d)                                                                           \
    FUNCTION(name##_clamp, ct_add(x, ct_clamp(x, -d, d)))                                       \
    FUNCTION(name##_tanh, ct_add(x, ct_scale(ct_tanh(ct_scale(x, 1 / d)), d)))                  \
    FUNCTION(name##_dead_zone, ct_sub(ct_relu(ct_shift(x, -d)), ct_relu(ct_shift(ct_neg(x), -d))))
FINE(coarse, 1e-4)
FINE(fine, 1e-7)
FINE(finer, 1e-9)
FINE(finest, 1e-12)
FUNCTION(sine_1e5, ct_sin(ct_scale(x, 1e5)))
FUNCTION(sine_1e7, ct_sin(ct_scale(x, 1e7)))
FUNCTION(ripple, ct_add(x, ct_scale(ct_sin(ct_scale(x, 1e6)), 1e-6)))
FUNCTION(steep, ct_sigmoid(ct_scale(ct_shift(x, -0.3), 1e6)))
FUNCTION(steeper, ct_tanh(ct_scale(ct_shift(x, -0.3), 1e9)))
FUNCTION(tangent, ct_div(ct_sin(x), ct_cos(x)))
FUNCTION(rounded_corner, ct_sqrt(ct_shift(ct_square(x), 1e-16)))
FUNCTION(near_constant,
         ct_layer_norm(ct_shift(ct_scale(x, 1e-5), 3), CT_SHAPE(5), NULL, NULL, 1e-16))
FUNCTION(near_constant_4,
         ct_layer_norm(ct_shift(ct_scale(x, 1e-4), 1), CT_SHAPE(5), NULL, NULL, 1e-12))
FUNCTION(differences, ct_softmax(ct_scale(ct_sub(x, ct_mean(x)), 1e6), 0))

static ct_tensor *logistic(ct_context *cx, ct_tensor *const *xs, int n, void *user)
{
    ct_tensor *x = xs[0];
    (void)cx, (void)n;
    for (int i = 0; i < ((const point *)user)->steps; i++)
        x = ct_scale(ct_mul(x, ct_rsub(1, x)), 3.9);
    return x;
}

/* a thousand kinks within 1e-6 of the point */
static ct_tensor *thousand(ct_context *cx, ct_tensor *const *xs, int n, void *user)
{
    ct_tensor *at = ct_linspace(cx, CT_F64, -1e-6, 1e-6, 1000);
    (void)n, (void)user;
    return ct_scale(ct_sum(ct_relu(ct_sub(ct_unsqueeze(ct_shift(xs[0], -0.25), 1), at))), 1e-3);
}

/* -- Noise */
FUNCTION(in_f32, ct_cast(ct_sin(ct_cast(x, CT_F32)), CT_F64))
FUNCTION(in_f32_sum, ct_cast(ct_sum(ct_exp(ct_cast(x, CT_F32))), CT_F64))
FUNCTION(in_f32_softmax, ct_cast(ct_softmax(ct_cast(x, CT_F32), 0), CT_F64))
FUNCTION(swallowed, ct_shift(ct_shift(x, 1), -1))
FUNCTION(swallowed_1e9, ct_shift(ct_shift(ct_sin(x), 1e9), -1e9))
FUNCTION(quotient, ct_div(ct_shift(ct_exp(x), -1), x))
FUNCTION(cosine_quotient, ct_div(ct_rsub(1, ct_cos(x)), ct_square(x)))
FUNCTION(log_erfc, ct_log(ct_erfc(x)))
FUNCTION(variance, ct_sub(ct_mean(ct_square(x)), ct_square(ct_mean(x))))
FUNCTION(root_of_difference, ct_sqrt(ct_sub(ct_square(x), ct_square(ct_shift(x, -1e-6)))))
FUNCTION(power, ct_exp(ct_scale(ct_log(x), 30)))
FUNCTION(rounded_to_1e_6, ct_add(ct_shift(ct_shift(x, 1e10), -1e10), ct_sin(x)))

/* -- Points */
static int at_point(ct_context *cx, ct_tensor **x, const void *user)
{
    const point *p = user;
    int tensors = p->tensors > 1 ? p->tensors : 1;
    for (int i = 0; i < tensors; i++) {
        ct_tensor *values = ct_from_doubles(cx, CT_F64, (int64_t[]){ p->n }, 1, p->values, p->n);
        ct_tensor *z = ct_randn(cx, CT_F64, (int64_t[]){ p->n }, 1);
        x[i] = ct_mul(values, ct_shift(ct_scale(z, p->spread), 1));
    }
    return tensors;
}

static int normal(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(4));
    return 1;
}

static int two_normal(ct_context *cx, ct_tensor **x, const void *user)
{
    x[1] = ct_randn(cx, CT_F64, CT_SHAPE(4));
    return normal(cx, x, user) + 1;
}

static int rows_normal(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 5));
    return 1;
}

static int in_f32_inputs(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_randn(cx, CT_F32, CT_SHAPE(4));
    return 1;
}

static int strided(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_slice(ct_randn(cx, CT_F64, CT_SHAPE(8)), 0, 0, 8, 2);
    return 1;
}

#define AT(...) at_point, &(const point){ .n = __VA_ARGS__ }
static const struct {
    const char *kind, *name;
    ct_function f;
    int (*inputs)(ct_context *, ct_tensor **, const void *);
    const void *user;
    int order;
    double rtol;
} rows[] = {
    { "smooth", "sin", sine, normal, NULL, 2, 0 },
    { "smooth", "exp", exponential, normal, NULL, 2, 0 },
    { "smooth", "square", square, normal, NULL, 2, 0 },
    { "smooth", "sin x exp w", product, two_normal, NULL, 2, 0 },
    { "smooth", "softmax", softmaxes, normal, NULL, 2, 0 },
    { "smooth", "log softmax", log_softmaxes, normal, NULL, 2, 0 },
    { "smooth", "layer norm", normed, rows_normal, NULL, 1, 0 },
    { "smooth", "outer product", outer, normal, NULL, 2, 0 },
    { "smooth", "gelu", gelus, normal, NULL, 2, 0 },
    { "smooth", "tanh of a product", penalty, normal, NULL, 2, 0 },
    { "smooth", "identity", identity, normal, NULL, 2, 0 },
    { "smooth", "cube at 0", cubes, AT(3, { 0, 1, -2 }, 0.3), 2, 0 },
    { "smooth", "x^4 at 0", even_powers, AT(3, { 0, 0, -2 }, 0.3), 1, 0 },
    { "smooth", "dropout", dropped, normal, NULL, 1, 0 },
    { "smooth", "of f32 inputs", sine, in_f32_inputs, NULL, 1, 0 },
    { "smooth", "softmax of f32 inputs", softmaxes, in_f32_inputs, NULL, 1, 0 },
    { "smooth", "of strided x", sine, strided, NULL, 2, 0 },
    { "zero", "sum of softmax", total, normal, NULL, 1, 0 },
    { "zero", "square at 0", square, AT(2, { 0, 0 }, 0), 1, 0 },
    { "zero", "relu of negative x", relus, AT(3, { -1, -2, -0.1 }, 0.1), 1, 0 },
    { "scale", "1e-10 exp", times_1e_10, normal, NULL, 2, 0 },
    { "scale", "1e-20 sin", times_1e_20, normal, NULL, 2, 0 },
    { "scale", "1e10 exp", times_1e10, normal, NULL, 2, 0 },
    { "scale", "1e100 exp", times_1e100, normal, NULL, 1, 0 },
    { "scale", "sin(1e-8 x) at 1e8", slow, AT(3, { 3e8, -1e8, 2e8 }, 0.1), 1, 0 },
    { "scale", "sin(1e8 x) at 1e-8", fast, AT(3, { 3e-9, -1e-8, 2e-8 }, 0.1), 1, 0 },
    { "scale", "1e4 + sin", on_top, normal, NULL, 1, 0 },
    { "scale", "1 + 1e-10 sin", small_on_top, normal, NULL, 1, 0 },
    { "scale", "x/2 at 1e155", halves, AT(3, { 1e155, -3e155, 2e160 }, 0.1), 1, 0 },
    { "scale", "x/2 at 1e300", halves, AT(3, { 1e300, -3e299, 2e300 }, 0.1), 1, 0 },
    { "scale", "x/2 at 1e-170", halves, AT(3, { 1e-170, -3e-170, 2e-172 }, 0.1), 1, 0 },
    { "scale", "x/mean|x| at 1e155", normalized, AT(3, { 1e155, -3e155, 2e155 }, 0.1), 1, 0 },
    { "scale", "x/mean|x| at 1e-170", normalized, AT(3, { 1e-170, -3e-170, 2e-170 }, 0.1), 1, 0 },
    { "mixed", "1/x at 0.1, 1e8", reciprocal, AT(2, { 0.1, 1e8 }, 0.1), 1, 0 },
    { "mixed", "sum 1/x at 0.1, 1e8", sum_reciprocal, AT(2, { 0.1, 1e8 }, 0.1), 1, 0 },
    { "mixed", "1/x at 1e-6 ... 1e6", reciprocal, AT(4, { 1e-6, 1e-2, 1e2, 1e6 }, 0.1), 1, 0 },
    { "mixed", "log at 1e-300 ... 1e6", logs, AT(4, { 1, 1e-12, 1e6, 1e-300 }, 0.1), 1, 0 },
    { "mixed", "sum log at 1e-12 ... 1e6", sum_of_logs, AT(4, { 1, 1e-12, 1e6, 3 }, 0.1), 1, 0 },
    { "mixed", "sqrt at 1e-20, 1", roots, AT(2, { 1e-20, 1 }, 0.1), 1, 0 },
    { "mixed", "exp at -60 ... 10", exponential, AT(4, { 0, -30, -60, 10 }, 0.1), 1, 0 },
    { "mixed", "|x|^1.5 at 1e-15 among ones", power_3_2, AT(3, { 1e-15, 1, 1.5 }, 0.1), 1, 0 },
    { "mixed", "sum |x|^1.5, the same", sum_power_3_2, AT(3, { 1e-15, 1, 1.5 }, 0.1), 1, 0 },
    { "edge", "log at 1e-9", logs, AT(2, { 1e-9, 1e-300 }, 0.1), 1, 0 },
    { "edge", "sqrt at 1e-300", roots, AT(2, { 1e-300, 1e-6 }, 0.1), 1, 0 },
    { "edge", "1/x at 1e-8", reciprocal, AT(2, { 1e-8, -1e-8 }, 0.1), 1, 0 },
    { "kink", "relu at 0", relus, AT(4, { -1, 0, 2, 1e-4 }, 0.1), 1, 0 },
    { "kink", "relu at 0, order 2", relus, AT(4, { -1, 0, 2, 1e-4 }, 0.1), 2, 0 },
    { "kink", "abs at 0", absolutes, AT(3, { 0, 1, 0 }, 0.1), 1, 0 },
    { "kink", "leaky relu at 0", leaky, AT(3, { 0, -1, 2 }, 0.1), 1, 0 },
    { "kink", "clamp at its ends", clamped, AT(3, { 1, -1, 0.5 }, 0), 1, 0 },
    { "kink", "sum |x|", sum_of_abs, AT(3, { 0, 1, -1 }, 0.1), 1, 0 },
    { "kink", "x / (1 + sum |x|)", norm_one, AT(3, { 0, 1, -1 }, 0.1), 1, 0 },
    { "kink", "near: relu at 1e-12", relus, AT(4, { -1e-3, 1e-7, -1e-9, 1e-12 }, 0.1), 1, 0 },
    { "kink", "near: abs at 1e-7", sum_of_abs, AT(4, { 1e-7, 1, -1e-6, 0.3 }, 0.1), 1, 0 },
    { "kink", "hinge loss", hinge, two_normal, NULL, 1, 0 },
    { "kink", "two layers of relus", deep_relu, two_normal, NULL, 1, 0 },
    { "ties", "max of three equal", largest, AT(4, { 2, 2, 2, 1 }, 0), 1, 0 },
    { "ties", "min of two equal", smallest, AT(4, { 2, 1, 2, 1 }, 0), 1, 0 },
    { "ties", "maximum of equal", larger, AT(3, { 2, 1, -3 }, 0, 2), 1, 0 },
    { "ties", "max of random", largest, normal, NULL, 1, 0 },
    { "several", "relu(x) - relu(-x) at 0", two_relus, AT(3, { 0, 1, -2 }, 0.1), 1, 0 },
    { "several", "3 relu(x) - relu(-x) at 0", three_relus, AT(3, { 0, 1, -2 }, 0.1), 1, 0 },
    { "several", "|x| - |-x| at 0", cancelled, AT(3, { 0, 1, -2 }, 0.1), 1, 0 },
    { "several", "max + min of equal", both_ends, AT(3, { 2, 2, 2 }, 0), 1, 0 },
    { "several", "max - min of equal", range, AT(3, { 2, 2, 2 }, 0), 1, 0 },
    { "several", "max + min of two pairs", both_ends, AT(4, { 2, 2, 1, 1 }, 0), 1, 0 },
    { "several", "maximum + minimum of equal", larger_and_smaller,
      AT(3, { 2, 1, -3 }, 0, 2), 1, 0 },
    { "several", "two layers of relus at 0", deep_relu, AT(3, { 0, 0, 0 }, 0, 2), 1, 0 },
    { "fine", "x + clamp(x, 1e-4) at 0", coarse_clamp, AT(2, { 0, 0 }, 0), 1, 0 },
    { "fine", "x + clamp(x, 1e-7) at 0", fine_clamp, AT(2, { 0, 0 }, 0), 1, 0 },
    { "fine", "x + clamp(x, 1e-9) at 0", finer_clamp, AT(2, { 0, 0 }, 0), 1, 0 },
    { "fine", "x + clamp(x, 1e-12) at 0", finest_clamp, AT(2, { 0, 0 }, 0), 1, 0 },
    { "fine", "x + clamp(x, 1e-7) at 3e-8", fine_clamp, AT(2, { 3e-8, -2e-8 }, 0.1), 1, 0 },
    { "fine", "x + d tanh(x/d), 1e-4", coarse_tanh, AT(2, { 0, 3e-5 }, 0.1), 1, 0 },
    { "fine", "x + d tanh(x/d), 1e-7", fine_tanh, AT(2, { 0, 3e-8 }, 0.1), 1, 0 },
    { "fine", "x + d tanh(x/d), 1e-9", finer_tanh, AT(2, { 0, 1e-10 }, 0.1), 1, 0 },
    { "fine", "x + d tanh(x/d), 1e-12", finest_tanh, AT(2, { 0, 1e-12 }, 0.1), 1, 0 },
    { "fine", "dead zone of 1e-4", coarse_dead_zone, AT(2, { 0, 3e-5 }, 0.1), 1, 0 },
    { "fine", "dead zone of 1e-7", fine_dead_zone, AT(2, { 0, 3e-8 }, 0.1), 1, 0 },
    { "fine", "dead zone of 1e-9", finer_dead_zone, AT(2, { 0, 3e-10 }, 0.1), 1, 0 },
    { "fine", "dead zone of 1e-12", finest_dead_zone, AT(2, { 0, 3e-13 }, 0.1), 1, 0 },
    { "fine", "sin(1e5 x)", sine_1e5, normal, NULL, 1, 0 },
    { "fine", "sin(1e7 x)", sine_1e7, normal, NULL, 1, 0 },
    { "fine", "x + 1e-6 sin(1e6 x)", ripple, normal, NULL, 1, 0 },
    { "fine", "sigmoid(1e6 (x - 0.3))", steep, AT(3, { 0.3, 0.3000002, 0.299999 }, 1e-6), 1, 0 },
    { "fine", "tanh(1e9 (x - 0.3))", steeper, AT(2, { 0.3, 0.3000000001 }, 1e-10), 1, 0 },
    { "fine", "tan near pi/2", tangent, AT(3, { 1.5707, 1.570796, 1.57079632 }, 1e-9), 1, 0 },
    { "fine", "sqrt(x^2 + 1e-16)", rounded_corner, AT(3, { 0, 1e-9, 1 }, 0.1), 1, 0 },
    { "fine", "layer norm of 3 + 1e-5 x", near_constant, rows_normal, NULL, 1, 0 },
    { "fine", "layer norm of 1 + 1e-4 x", near_constant_4, rows_normal, NULL, 1, 0 },
    { "fine", "softmax(1e6 x) of near ones", differences,
      AT(3, { 1, 1.000001, 0.999999 }, 1e-7), 1, 0 },
    { "fine", "a thousand relus in 1e-6", thousand, AT(2, { 0.25, 0.2500003 }, 1e-8), 1, 0 },
    { "chaos", "logistic map, 5 steps", logistic, AT(2, { 0.3, 0.7 }, 0.1, 0, 5), 1, 0 },
    { "chaos", "logistic map, 10 steps", logistic, AT(2, { 0.3, 0.7 }, 0.1, 0, 10), 1, 0 },
    { "chaos", "logistic map, 20 steps", logistic, AT(2, { 0.3, 0.7 }, 0.1, 0, 20), 1, 0 },
    { "chaos", "logistic map, 60 steps", logistic, AT(2, { 0.3, 0.7 }, 0.1, 0, 60), 1, 0 },
    { "noise", "sin through f32", in_f32, normal, NULL, 1, 1e-3 },
    { "noise", "sum of exp through f32", in_f32_sum, normal, NULL, 1, 1e-3 },
    { "noise", "softmax through f32", in_f32_softmax, normal, NULL, 1, 1e-3 },
    { "noise", "(1 + x) - 1", swallowed, AT(3, { 1e-3, -0.5, 1e-9 }, 0.1), 1, 0 },
    { "noise", "sin x + 1e9 - 1e9", swallowed_1e9, normal, NULL, 1, 1e-3 },
    { "noise", "x + 1e10 - 1e10 + sin x", rounded_to_1e_6, normal, NULL, 1, 0 },
    { "noise", "(e^x - 1)/x at 1e-4", quotient, AT(2, { 1e-4, -1e-3 }, 0.1), 1, 0 },
    { "noise", "(e^x - 1)/x at 1e-8", quotient, AT(2, { 1e-8, -1e-7 }, 0.1), 1, 0 },
    { "noise", "(1 - cos x)/x^2 at 1e-2", cosine_quotient, AT(2, { 1e-2, -3e-2 }, 0.1), 1, 0 },
    { "noise", "log erfc at 5", log_erfc, AT(3, { 5, 1, -2 }, 0.1), 1, 0 },
    { "noise", "log erfc at 26", log_erfc, AT(3, { 26, 20, 26.4 }, 0.001), 1, 0 },
    { "noise", "mean x^2 - mean^2 at 1e4", variance,
      AT(4, { 1e4, 10001, 10002, 9999 }, 1e-5), 1, 0 },
    { "noise", "sqrt(x^2 - (x - 1e-6)^2)", root_of_difference, AT(2, { 1, 2 }, 0.1), 1, 0 },
    { "noise", "exp(30 log x)", power, AT(3, { 1, 2, 3 }, 0.1), 1, 0 },
};
enum { ROWS = sizeof rows / sizeof *rows };

int proof_right(proof_case *out)
{
    for (int i = 0; i < ROWS; i++)
        out[i] = (proof_case){ .kind = rows[i].kind, .name = rows[i].name, .f = rows[i].f,
                               .inputs = rows[i].inputs, .user = (void *)(uintptr_t)rows[i].user,
                               .order = rows[i].order, .rtol = rows[i].rtol, .entry = -1,
                               .fragment = "" };
    return ROWS;
}
