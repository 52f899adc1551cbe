/* Broken functions: graphs that are cut, and operators that are wrong deep inside. */
#include "proof.h"
#include "proof_rules.h"

#define FUNCTION(name, expression)                                                              \
    static ct_tensor *name(ct_context *cx, ct_tensor *const *xs, int n, void *user)             \
    {                                                                                           \
        ct_tensor *x = xs[0];                                                                   \
        (void)cx, (void)n, (void)user;                                                          \
        return expression;                                                                      \
    }

/* -- The value of y, and a gradient that is `by` times as large as it should be */
static ct_tensor *times(ct_tensor *y, double by)
{
    return ct_add(ct_scale(y, by), ct_scale(ct_detach(y), 1 - by));
}

FUNCTION(cut, ct_exp(ct_detach(x)))
FUNCTION(half_cut, ct_add(ct_square(x), ct_detach(ct_sin(x))))
FUNCTION(factor_cut, ct_mul(x, ct_detach(x)))
FUNCTION(minus, times(ct_sin(x), -1))
FUNCTION(minus_tiny, times(ct_scale(ct_sin(x), 1e-10), -1))
FUNCTION(minus_1e_20, times(ct_scale(ct_sin(x), 1e-20), -1))
FUNCTION(half_1e_13, times(ct_scale(ct_exp(x), 1e-13), 0.5))
FUNCTION(minus_on_top, times(ct_shift(ct_scale(ct_sin(x), 1e-10), 1), -1))
FUNCTION(huge_twice, times(ct_scale(ct_exp(x), 1e12), 2))
FUNCTION(flat_relu, ct_add(ct_relu(x), ct_sub(x, ct_detach(x))))
FUNCTION(flat_twice, ct_add(ct_relu(ct_sub(x, ct_detach(x))), ct_sub(x, ct_detach(x))))
FUNCTION(flat_clamp, ct_add(ct_clamp(x, 0, 1), ct_scale(ct_sub(x, ct_detach(x)), 0.5)))
FUNCTION(softmax_twice, times(ct_softmax(x, 0), 2))
FUNCTION(log_softmax_cut, ct_sub(x, ct_detach(ct_logsumexp(x))))
FUNCTION(mean_cut, ct_sub(x, ct_detach(ct_mean(x))))
FUNCTION(slightly, times(ct_tanh(x), 1 + 2e-5))
FUNCTION(fine_sine, times(ct_sin(ct_scale(x, 1e4)), 0.5))
FUNCTION(in_f32_cut, ct_cast(ct_detach(ct_sin(ct_cast(x, CT_F32))), CT_F64))
FUNCTION(in_f32_minus, times(ct_cast(ct_sin(ct_cast(x, CT_F32)), CT_F64), -1))
FUNCTION(second_cut, ct_mul(ct_exp(x), ct_detach(ct_exp(x))))
FUNCTION(abs_at_zero, times(ct_abs(x), 1.5))

static ct_tensor *counted(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    int *calls = user;
    (void)cx, (void)n;
    return ct_scale(ct_sin(x[0]), ++*calls >= 3 ? 1.1 : 1);
}

static ct_tensor *drifting(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    int *calls = user;
    (void)cx, (void)n;
    return ct_scale(ct_sin(x[0]), 1 + 1e-9 * ++*calls);
}

static ct_tensor *writing(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    (void)cx, (void)n, (void)user;
    rule_put(x[0], 1, 0.375);
    return ct_sin(x[0]);
}

/* -- A wrong operator inside */
static const rule doubled = { DOUBLED, 's', 1 }, one = { FIRST_ENTRY, 's', 1 },
                  last = { LAST_ENTRY, 'q', 1 }, negated = { NEGATED, 'q', 1 },
                  turned = { TRANSPOSED, 's', 1 };

static ct_tensor *apply_rule(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    static ct_op op[8];
    static const rule *const all[] = { &doubled, &one, &last, &negated, &turned };
    (void)cx;
    for (int i = 0; i < 5; i++)
        if (all[i] == user) {
            op[i] = rule_operator(all[i], false);
            return ct_apply(&op[i], NULL, x, n);
        }
    return NULL;
}

static ct_tensor *deep(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *h = ct_tanh(ct_matmul(x[0], ct_transpose(x[0])));
    (void)n;
    h = apply_rule(cx, &h, 1, user);
    return ct_sum(ct_mul(ct_softmax(h, 1), ct_exp(h)));
}

/* -- Inputs */
static int normal(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(5));
    return 1;
}

static int square(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(4, 4));
    return 1;
}

static int many(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(100, 100));
    rule_put(x[0], 9999, 0.7); /* near 0 its square would have hardly any slope to be wrong in */
    return 1;
}

static int thousand(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(1000));
    return 1;
}

static int below_zero(ct_context *cx, ct_tensor **x, const void *user)
{
    (void)user;
    x[0] = ct_shift(ct_scale(ct_rand(cx, CT_F64, CT_SHAPE(4)), 0.04), -0.06);
    return 1;
}


#define F CT_GRADCHECK_FAIL
#define I CT_GRADCHECK_INVALID
static int calls;
static const struct {
    const char *kind, *name, *fragment;
    ct_function f;
    int (*inputs)(ct_context *, ct_tensor **, const void *);
    const void *user;
    int64_t entry;
    const char *culprit;
    ct_verdict want;
    int order;
    bool quick;
} rows[] = {
    { "cut", "all", "detached", cut, normal, NULL, -1, NULL, F, 1, false },
    { "cut", "one of two terms", "", half_cut, normal, NULL, -1, NULL, F, 1, false },
    { "cut", "one of two factors", "half the right",
      factor_cut, normal, NULL, -1, NULL, F, 1, false },
    { "cut", "the mean", "", mean_cut, normal, NULL, -1, NULL, F, 1, false },
    { "cut", "of log softmax", "", log_softmax_cut, normal, NULL, -1, NULL, F, 1, false },
    { "cut", "through f32", "detached", in_f32_cut, normal, NULL, -1, NULL, F, 1, false },
    { "cut", "at order 2 too", "", second_cut, normal, NULL, -1, NULL, F, 2, false },
    { "value", "function, negated", "a sign is wrong", minus, normal, NULL, -1, NULL, F, 1, false },
    { "value", "function, 2e-5", "", slightly, normal, NULL, -1, NULL, F, 1, false },
    { "value", "softmax doubled", "twice", softmax_twice, normal, NULL, -1, NULL, F, 1, false },
    { "value", "sin(1e4 x), halved", "half", fine_sine, normal, NULL, -1, NULL, F, 1, false },
    { "value", "through f32, negated", "", in_f32_minus, normal, NULL, -1, NULL, F, 1, false },
    { "small", "function, 1e-10", "a sign is wrong",
      minus_tiny, normal, NULL, -1, NULL, F, 1, false },
    { "small", "function, 1e-20", "a sign is wrong",
      minus_1e_20, normal, NULL, -1, NULL, F, 1, false },
    { "small", "function, 1e-13, halved", "half", half_1e_13, normal, NULL, -1, NULL, F, 1, false },
    { "small", "1 + 1e-10 sin x", "", minus_on_top, normal, NULL, -1, NULL, F, 1, false },
    { "large", "1e12 exp x, doubled", "twice", huge_twice, normal, NULL, -1, NULL, F, 1, false },
    { "flat", "relu(x) + (x - x)", "", flat_relu, below_zero, NULL, -1, NULL, F, 1, false },
    { "flat", "x - x alone", "", flat_twice, normal, NULL, -1, NULL, F, 1, false },
    { "flat", "clamp(x) + (x - x) / 2", "", flat_clamp, below_zero, NULL, -1, NULL, F, 1, false },
    { "kink", "1.5 |x|, right at 0", "times the right value",
      abs_at_zero, normal, NULL, -1, NULL, F,
      1, false },
    { "impure", "f from its third call", "not deterministic",
      counted, normal, &calls, -1, NULL, I, 1,
      false },
    { "impure", "f drifts", "not deterministic", drifting, normal, &calls, -1, NULL, I, 1, false },
    { "writes", "f, into x", "writes into input 0", writing, normal, NULL, -1, NULL, I, 1, false },
    { "quick", "one of 10,000", "this entry alone", apply_rule, many, &one, 0, NULL, F, 1, true },
    { "quick", "the last of 10,000", "this entry alone", apply_rule, many, &last, 9999, NULL, F, 1,
      true },
    { "quick", "one of 1,000", "this entry alone",
      apply_rule, thousand, &one, 0, NULL, F, 1, true },
    { "quick", "all of 10,000 doubled", "twice", apply_rule, many, &doubled, -1, NULL, F, 1, true },
    { "graph", "doubled, deep inside", "twice", deep, square, &doubled, -1, "rule", F, 1, false },
    { "graph", "one entry, deep inside", "this entry alone", deep, square, &one, 0, "rule", F, 1,
      false },
    { "graph", "negated, deep inside", "a sign is wrong", deep, square, &negated, -1, "rule", F, 1,
      false },
    { "graph", "transposed, deep inside", "", deep, square, &turned, -1, "rule", F, 1, false },
};
enum { ROWS = sizeof rows / sizeof *rows };

int proof_broken_functions(proof_case *out)
{
    for (int i = 0; i < ROWS; i++)
        out[i] = (proof_case){ .kind = rows[i].kind, .name = rows[i].name, .f = rows[i].f,
                               .inputs = rows[i].inputs, .user = (void *)(uintptr_t)rows[i].user,
                               .order = rows[i].order, .want = rows[i].want,
                               .fragment = rows[i].fragment, .entry = rows[i].entry,
                               .culprit = rows[i].culprit, .quick = rows[i].quick };
    return ROWS;
}
