/* Broken operators of two inputs, of two outputs, and with ties or kinks. */
#include "proof.h"
#include "proof_rules.h"

#include <math.h>

typedef enum flaw {
    RIGHT,
    A_NEGATED, B_DOUBLED, B_ALONE, A_ALONE, B_ALONE_F32, SAME_TWICE, SAME_TWICE_IN_VJP,
    LOST_SUM, MEAN_OF_ROWS, FIRST_ROW,
    UNUSED_LOST, UNUSED_WRONG, UNUSED_WRONG_1, OUTPUTS_SWAPPED, SECOND_OUTPUT_LOST,
    TIES_ALL, TIES_NONE, TIES_SQUARED, TIES_HALF,
    KINK_TWO, KINK_NEGATIVE, KINK_SIDE, PASSES_NEAR,
    MATRIX_A_TRANSPOSED, MATRIX_B_TRANSPOSED, MATRIX_B_NEGATED, MATRIX_A_ROW, MATRIX_A_STALE
} flaw;

static flaw flaw_of(const ct_call *call)
{
    return *(const flaw *)ct_call_op(call)->user;
}

static void give(const ct_call *call, ct_tensor *const *gx, int i, int64_t k, double value)
{
    rule_put(gx[i], k, value + (ct_call_adds(call, i) ? rule_get(gx[i], k) : 0));
}

/* -- y = a sin b */
static ct_status pair_forward(ct_call *call)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    for (int64_t k = 0; k < ct_count(a); k++)
        rule_put(ct_call_y(call, 0), k, rule_get(a, k) * sin(rule_get(b, k)));
    return CT_OK;
}

static ct_status pair_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    flaw f = flaw_of(call);
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    bool wants_a = ct_call_wants(call, 0), wants_b = ct_call_wants(call, 1);
    bool f32 = ct_dtype_of(a) == CT_F32;
    for (int64_t k = 0; k < ct_count(a); k++) {
        double g = rule_get(gy[0], k), ak = rule_get(a, k), bk = rule_get(b, k);
        double ga = g * sin(bk), gb = g * ak * cos(bk);
        ga *= f == A_NEGATED || (f == A_ALONE && !wants_b) ? -1 : 1;
        gb *= f == B_DOUBLED || (f == B_ALONE && !wants_a) ||
              (f == B_ALONE_F32 && !wants_a && f32) || (f == SAME_TWICE && a == b) ? 2 : 1;
        if (wants_a)
            give(call, gx, 0, k, ga);
        if (wants_b)
            give(call, gx, 1, k, gb);
    }
    return CT_OK;
}

static ct_status pair_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    double twice = flaw_of(call) == SAME_TWICE_IN_VJP && a == b ? 2 : 1;
    gx[0] = ct_mul(gy[0], ct_sin(b));
    gx[1] = ct_scale(ct_mul(gy[0], ct_mul(a, ct_cos(b))), twice);
    return CT_OK;
}

static int pair_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 2));
    x[1] = ct_randn(cx, CT_F64, CT_SHAPE(3, 2));
    return k == 0 ? 2 : 0;
}

/* -- y = x + b, b repeated over rows */
static ct_status shift_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    for (int64_t k = 0; k < ct_count(x); k++)
        rule_put(ct_call_y(call, 0), k, rule_get(x, k) + rule_get(b, k % ct_size(x, 1)));
    return CT_OK;
}

static ct_status shift_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    flaw f = flaw_of(call);
    gx[0] = gy[0];
    gx[1] = f == FIRST_ROW      ? ct_select(gy[0], 0, 0)
            : f == MEAN_OF_ROWS ? ct_mean_over(gy[0], CT_AXES(0), 0)
                                : ct_scale(ct_sum_over(gy[0], CT_AXES(0), 0), 0.5);
    return CT_OK;
}

static int shift_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(4, 3));
    x[1] = ct_randn(cx, CT_F64, CT_SHAPE(3));
    return k == 0 ? 2 : 0;
}

/* -- Two outputs: sin x and x^2 */
static ct_status twin_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int i = 0; i < 2; i++)
        if (ct_call_set_y(call, i, ct_dtype_of(x), ct_shape(x), ct_ndim(x)) != CT_OK)
            return CT_ERROR_MEMORY;
    return CT_OK;
}

static ct_status twin_forward(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++) {
        rule_put(ct_call_y(call, 0), k, sin(rule_get(x, k)));
        rule_put(ct_call_y(call, 1), k, rule_get(x, k) * rule_get(x, k));
    }
    return CT_OK;
}

static ct_status twin_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    flaw f = flaw_of(call);
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++) {
        double g0 = gy[0] ? rule_get(gy[0], k) : 0, g1 = gy[1] ? rule_get(gy[1], k) : 0, t;
        if (f == OUTPUTS_SWAPPED)
            t = g0, g0 = g1, g1 = t;
        if (f == SECOND_OUTPUT_LOST)
            g1 = 0;
        double g = g0 * cos(rule_get(x, k)) + g1 * 2 * rule_get(x, k);
        if (f == UNUSED_LOST && (!gy[0] || !gy[1]))
            g = 0;
        if ((f == UNUSED_WRONG && !gy[0]) || (f == UNUSED_WRONG_1 && !gy[1]))
            g *= 1.5;
        give(call, gx, 0, k, g);
    }
    return CT_OK;
}

static int twin_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(5));
    return k == 0 ? 1 : 0;
}

/* -- y = the largest x, of which three tie */
static ct_status most_forward(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    double most = -INFINITY;
    for (int64_t k = 0; k < ct_count(x); k++)
        most = fmax(most, rule_get(x, k));
    rule_put(ct_call_y(call, 0), 0, most);
    return CT_OK;
}

static ct_status most_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    flaw f = flaw_of(call);
    const ct_tensor *x = ct_call_x(call, 0);
    double most = rule_get(ct_call_y(call, 0), 0), ties = 0;
    for (int64_t k = 0; k < ct_count(x); k++)
        ties += rule_get(x, k) == most;
    double share = f == TIES_ALL || ties == 1 ? 1 : f == TIES_NONE ? 0
                   : f == TIES_SQUARED ? 1 / (ties * ties) : 0.5 / ties;
    for (int64_t k = 0; k < ct_count(x); k++)
        give(call, gx, 0, k, rule_get(x, k) == most ? share * rule_get(gy[0], 0) : 0);
    return CT_OK;
}

static int most_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_rand(cx, CT_F64, CT_SHAPE(6));
    for (int i = 0; i < 3 && x[0]; i++)
        ct_set(x[0], CT_INDEX(2 * i), 1.37);
    return k == 0 ? 1 : 0;
}

/* -- y = max(x, 0), wrong at 0 or near it */
static ct_status bent_forward(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++)
        rule_put(ct_call_y(call, 0), k, fmax(rule_get(x, k), 0));
    return CT_OK;
}

static ct_status bent_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    flaw f = flaw_of(call);
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++) {
        double xk = rule_get(x, k), slope = xk > 0;
        if (xk == 0)
            slope = f == KINK_TWO ? 2 : f == KINK_NEGATIVE ? -0.01 : f == KINK_SIDE ? 1.25 : 0;
        if (f == PASSES_NEAR && xk > -0.05)
            slope = 1;
        give(call, gx, 0, k, slope * rule_get(gy[0], k));
    }
    return CT_OK;
}

static int bent_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(4));
    if (x[0]) {
        ct_set(x[0], CT_INDEX(1), 0);
        ct_set(x[0], CT_INDEX(2), -0.03);
    }
    return k == 0 ? 1 : 0;
}

static int near_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_shift(ct_scale(ct_rand(cx, CT_F64, CT_SHAPE(3)), 0.02), -0.04);
    return k == 0 ? 1 : 0;
}

/* -- y = a b, of matrices (m,k) and (k,n) */
static ct_status matrix_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    return ct_call_set_y(call, 0, ct_dtype_of(a), (int64_t[]){ ct_size(a, 0), ct_size(b, 1) }, 2);
}

static ct_status matrix_forward(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    int64_t m = ct_size(a, 0), inner = ct_size(a, 1), n = ct_size(b, 1);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < inner; k++)
                sum += rule_get(a, i * inner + k) * rule_get(b, k * n + j);
            rule_put(ct_call_y(call, 0), i * n + j, sum);
        }
    return CT_OK;
}

static ct_tensor *turned(ct_tensor *g) /* its transpose's elements, in its own shape */
{
    return ct_reshape(ct_contiguous(ct_transpose(g)), ct_shape(g), ct_ndim(g));
}

static ct_status matrix_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    flaw f = flaw_of(call);
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    if (f == MATRIX_A_STALE)
        b = ct_shift(b, 0.125);
    ct_tensor *ga = ct_matmul(gy[0], ct_transpose(b)), *gb = ct_matmul(ct_transpose(a), gy[0]);
    gx[0] = f == MATRIX_A_TRANSPOSED ? turned(ga) : ga;
    gx[1] = f == MATRIX_B_TRANSPOSED ? turned(gb) : f == MATRIX_B_NEGATED ? ct_neg(gb) : gb;
    if (f == MATRIX_A_ROW)
        gx[0] = ct_mul(ga, ct_cast(ct_gt(ga, ct_scalar_like(ga, -1e9)), ct_dtype_of(ga))),
        gx[0] = ct_concat(CT_TENSORS(ct_slice(ga, 0, 1, 2, 1), ct_slice(ga, 0, 1, 3, 1)), 0);
    return CT_OK;
}

static int square_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    x[1] = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    return k == 0 ? 2 : 0;
}

static int oblong_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
    x[1] = ct_randn(cx, CT_F64, CT_SHAPE(4, 2));
    return k == 0 ? 2 : 0;
}

/* -- The list */
#define PAIR   pair_forward, pair_backward, NULL, pair_sample, ct_infer_same
#define BOTH   pair_forward, pair_backward, pair_vjp, pair_sample, ct_infer_same
#define SHIFT  shift_forward, NULL, shift_vjp, shift_sample, ct_infer_broadcast
#define TWIN   twin_forward, twin_backward, NULL, twin_sample, twin_infer
#define MOST   most_forward, most_backward, NULL, most_sample, ct_infer_scalar
#define BENT   bent_forward, bent_backward, NULL, bent_sample, ct_infer_same
#define NEAR   bent_forward, bent_backward, NULL, near_sample, ct_infer_same
#define SQUARE matrix_forward, NULL, matrix_vjp, square_sample, matrix_infer
#define OBLONG matrix_forward, NULL, matrix_vjp, oblong_sample, matrix_infer
static const struct {
    flaw flaw;
    const char *kind, *name, *fragment;
    int64_t entry;
    ct_status (*forward)(ct_call *);
    ct_status (*backward)(const ct_call *, ct_tensor *const *, ct_tensor *const *);
    ct_status (*vjp)(const ct_call *, ct_tensor *const *, ct_tensor **);
    int (*sample)(ct_context *, int, ct_tensor **, void *);
    ct_status (*infer)(ct_call *);
} rows[] = {
    { A_NEGATED, "one input", "a negated", "a sign is wrong", -1, PAIR },
    { B_DOUBLED, "one input", "b doubled", "twice the right value", -1, PAIR },
    { B_ALONE, "wanted", "b alone", "if only one input", -1, PAIR },
    { A_ALONE, "wanted", "a alone", "if only one input", -1, PAIR },
    { B_ALONE_F32, "wanted", "b alone in f32", "in f32 if only one input", -1, PAIR },
    { SAME_TWICE, "same tensor", "backward", "are the same tensor", -1, PAIR },
    { SAME_TWICE, "same tensor", "backward beside vjp", "are the same tensor", -1, BOTH },
    { SAME_TWICE_IN_VJP, "same tensor", "vjp", "are the same tensor", -1, BOTH },
    { LOST_SUM, "broadcast", "half the sum", "half the right value", -1, SHIFT },
    { MEAN_OF_ROWS, "broadcast", "mean for sum", "1/4", -1, SHIFT },
    { FIRST_ROW, "broadcast", "first row only", "", -1, SHIFT },
    { UNUSED_LOST, "outputs", "zero if one is unused", "alone is used", -1, TWIN },
    { UNUSED_WRONG, "outputs", "wrong if 0 is unused", "output 1 alone", -1, TWIN },
    { UNUSED_WRONG_1, "outputs", "wrong if 1 is unused", "output 0 alone", -1, TWIN },
    { OUTPUTS_SWAPPED, "outputs", "cotangents swapped", "no simple pattern", -1, TWIN },
    { SECOND_OUTPUT_LOST, "outputs", "the second lost", "", -1, TWIN },
    { TIES_ALL, "ties", "all to each", "add up to 3 times", -1, MOST },
    { TIES_NONE, "ties", "nothing to each", "", -1, MOST },
    { TIES_SQUARED, "ties", "shared twice", "add up to 0.333333 times", -1, MOST },
    { TIES_HALF, "ties", "half of it shared", "add up to 0.5 times", -1, MOST },
    { KINK_TWO, "kink", "2 at the kink of relu", "", 1, BENT },
    { KINK_NEGATIVE, "kink", "-0.01 at it", "", 1, BENT },
    { KINK_SIDE, "kink", "1.25 at it", "", 1, BENT },
    { PASSES_NEAR, "flat", "relu passes from -0.05", "", -1, NEAR },
    { PASSES_NEAR, "flat", "and beside others", "", -1, BENT },
    { MATRIX_A_TRANSPOSED, "place", "product, a", "transposed", -1, SQUARE },
    { MATRIX_A_TRANSPOSED, "place", "product, a (3,4)", "transposed", -1, OBLONG },
    { MATRIX_B_TRANSPOSED, "place", "product, b (4,2)", "transposed", -1, OBLONG },
    { MATRIX_B_NEGATED, "one input", "product, b", "a sign is wrong", -1, OBLONG },
    { MATRIX_A_ROW, "place", "product, a row twice", "", -1, OBLONG },
    { MATRIX_A_STALE, "value", "product, b + 1/8", "", -1, OBLONG },
};
enum { ROWS = sizeof rows / sizeof *rows };

int proof_broken_operators(proof_case *out)
{
    static ct_op operators[ROWS];
    for (int i = 0; i < ROWS; i++) {
        operators[i] = (ct_op){ .name = rows[i].kind, .saves = CT_SAVE_ALL_X | CT_SAVE_Y(0),
                                .infer = rows[i].infer, .forward = rows[i].forward,
                                .backward = rows[i].backward, .vjp = rows[i].vjp,
                                .sample = rows[i].sample, .user = &rows[i].flaw,
                                .outputs = rows[i].infer == twin_infer ? 2 : 1 };
        out[i] = (proof_case){ .kind = rows[i].kind, .name = rows[i].name, .op = &operators[i],
                               .order = 1, .want = CT_GRADCHECK_FAIL,
                               .fragment = rows[i].fragment, .entry = rows[i].entry };
    }
    return ROWS;
}
