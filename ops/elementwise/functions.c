/* Elementwise operators that are computed one number at a time: the rows of functions.def and
 * functions_of_two.def, and what their rules need beside public operators.
 *
 * A composed rule must keep its digits when it is differentiated again. So it is built of functions
 * whose derivatives are products of others of their kind: the direction of a point, the weight of
 * e^a in e^a + e^b. */
#include "special.h"
#include "tables.h"

#define LOG_2        0.69314718055994530942
#define SQRT_PI_HALF 0.88622692545275801365 /* sqrt(pi) / 2 */

/* -- Words of the kernels */
static double squared(double x)
{
    return x * x;
}

static double log1mexp_slope(double x)
{
    return x > 0 ? NAN : -exp(x) / fabs(expm1(x));
}

static bool is_origin(double a, double b)
{
    return a == 0 && b == 0;
}

/* g n, and 0 where n is */
static double times_whole(double g, double n)
{
    return n == 0 ? 0 : g * n;
}

#define CT_KERNELS     "functions_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>

/* -- Words of the composed rules */

static ct_tensor *times(ct_tensor *gy, ct_tensor *n)
{
    return unless(is_zero(n), ct_mul(gy, n));
}

static ct_tensor *floored(ct_tensor *a, ct_tensor *b)
{
    ct_tensor *r = ct_fmod(a, b), *n = ct_round(ct_div(ct_sub(a, r), b));
    return ct_where(ct_eq(r, ct_remainder(a, b)), n, ct_shift(n, -1));
}

static ct_tensor *origin(ct_tensor *a, ct_tensor *b)
{
    return is_zero(ct_hypot(a, b));
}

/* is a = 0 >= b? There xlogy is constant */
static ct_tensor *no_log(ct_tensor *a, ct_tensor *b)
{
    return ct_logical_and(is_zero(a), ct_le(b, number(b, 0)));
}

/* b, or 1 where xlogy has no logarithm */
static ct_tensor *log_base(ct_tensor *a, ct_tensor *b)
{
    return ct_where(no_log(a, b), number(b, 1), b);
}

/* -- Three operators that only rules need */
static ct_tensor *per_square(ct_tensor *g, ct_tensor *a, ct_tensor *b);
static ct_tensor *direction(ct_tensor *a, ct_tensor *b);
static ct_tensor *weight(ct_tensor *a, ct_tensor *b);

/* y = g a / r^2 with r^2 = a^2 + b^2: gg = gy a / r^2, ga = gy g (b^2 / r^4 - a^2 / r^4) and
 * gb = -2 gy g a b / r^4. It has g as an operand, since the factor alone may overflow */
static ct_status per_square_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *g = ct_call_x(call, 0), *a = ct_call_x(call, 1), *b = ct_call_x(call, 2);
    ct_tensor *along = per_square(g, a, b), *across = per_square(g, b, a);
    if (ct_call_wants(call, 0))
        gx[0] = per_square(gy[0], a, b);
    if (ct_call_wants(call, 1))
        gx[1] = ct_mul(gy[0], ct_sub(per_square(across, b, a), per_square(along, a, b)));
    if (ct_call_wants(call, 2))
        gx[2] = ct_mul(gy[0], ct_scale(per_square(along, b, a), -2));
    return CT_OK;
}

/* y = a / r: its derivatives are b^2 / r^3 by a and -a b / r^3 by b */
static ct_status direction_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    ct_tensor *across = ct_mul(gy[0], direction(b, a));
    if (ct_call_wants(call, 0))
        gx[0] = per_square(across, b, a);
    if (ct_call_wants(call, 1))
        gx[1] = per_square(ct_neg(across), a, b);
    return CT_OK;
}

/* w = e^a / (e^a + e^b): its derivatives are w (1 - w) by a and the negative of that by b. 1 - w is
 * the weight of b */
static ct_status weight_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    ct_tensor *g = ct_mul(gy[0], ct_mul(weight(a, b), weight(b, a)));
    if (ct_call_wants(call, 0))
        gx[0] = g;
    if (ct_call_wants(call, 1))
        gx[1] = ct_neg(g);
    return CT_OK;
}

/* -- The operators */
#define ROW UNARY_OPERATOR
#include "functions.def"
#define BINARY BINARY_OPERATOR
#include "functions_of_two.def"

static ct_status per_square_forward(ct_call *call)
{
    static const ct_kernels kernels = KERNELS(per_square, false);
    ct_tensor *operands[] = { ct_call_y(call, 0), ct_call_x(call, 0), ct_call_x(call, 1),
                              ct_call_x(call, 2) };
    ct_loop_kernel(call, operands, 4, &kernels, false);
    return CT_OK;
}

static const ct_op per_square_op = {
    .name = "per_square", .flags = CT_OP_BROADCAST | CT_OP_KERNELS,
    .saves = SAVE_A | SAVE_B | CT_SAVE_X(2),
    .inputs = 3, .infer = ct_infer_broadcast, .forward = per_square_forward, .vjp = per_square_vjp
};

static ct_tensor *per_square(ct_tensor *g, ct_tensor *a, ct_tensor *b)
{
    return ct_apply(&per_square_op, NULL, CT_TENSORS(g, a, b));
}

#define HIDDEN_OPERATOR(id)                                                                     \
    static const ct__row id##_row = { .kernels = { KERNELS(id, false) } };                      \
    static const ct_op id##_op = {                                                              \
        .name = #id, .user = &id##_row, .flags = CT_OP_BROADCAST | CT_OP_KERNELS,               \
        .saves = SAVE_A | SAVE_B,                                                               \
        .inputs = 2, .infer = ct_infer_broadcast, .forward = ct__binary_forward,                \
        .vjp = id##_vjp                                                                         \
    };                                                                                          \
    static ct_tensor *id(ct_tensor *a, ct_tensor *b)                                            \
    {                                                                                           \
        return ct_apply(&id##_op, NULL, CT_TENSORS(a, b));                                      \
    }
HIDDEN_OPERATOR(direction)
HIDDEN_OPERATOR(weight)
