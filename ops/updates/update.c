/* Updates of parameters: one pass over all of them, their gradients and their states. They write in
 * place, unrecorded, and check everything before they write anything. The inputs of the operators
 * are lists, joined in this order: w_0 ... w_n-1, g_0 ... g_n-1, then the state.
 *
 *   SGD    g' = g + d w;  v = u v + g';  w -= r v, with Nesterov r (g' + u v)
 *   Adam   g' = g + d w;  m = b1 m + (1 - b1) g';  v = b2 v + (1 - b2) g'^2;
 *          w -= r m^ / (sqrt v^ + e), m^ = m / (1 - b1^t), v^ = v / (1 - b2^t)
 *   AdamW  the same with g' = g, after w -= r d w
 *
 * SGD as in Sutskever et al., ICML 2013, Adam: Kingma and Ba, ICLR 2015, AdamW: Loshchilov and
 * Hutter, ICLR 2019; all as PyTorch computes them. */
#include <cotangent/ops.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "update_loop.h"

typedef struct sgd {
    double rate, momentum, decay;
    bool nesterov;
} sgd;

typedef struct adam {
    double rate, beta1, beta2, epsilon, decay;
    bool decoupled;
} adam;

/* the numbers of one step of Adam */
typedef struct adam_step {
    double rate;   /* r / (1 - b1^t) */
    double root;   /* 1 / sqrt(1 - b2^t) */
    double beta1, beta2, epsilon;
    double decay;  /* d, added to g; 0 for AdamW */
    double shrink; /* AdamW's factor of w, 1 - r d; 1 for Adam */
} adam_step;

/* bound by memory: wider vectors than AVX2's gain nothing */
#define CT_KERNELS "update_kernels.h"
#include <cotangent/kernels.h>
static const ct_loop_body sgd_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(sgd);
static const ct_loop_body momentum_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(momentum);
static const ct_loop_body adam_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(adam);

/* -- Lists of inputs */
enum { W, G, MOMENTUM, FIRST = 2, SECOND, STEPS };

static ct_tensor *input(const ct_call *call, int lists, int list, int i)
{
    return ct_call_x(call, list * (ct_call_inputs(call) / lists) + i);
}

/* The first `floats` lists must be f32 or f64, and in each place of one dtype and one shape. */
static ct_status check_floats(const ct_call *call, int lists, int floats)
{
    int n = ct_call_inputs(call) / lists;
    if (n * lists != ct_call_inputs(call))
        return ct_call_fail(call, CT_ERROR_VALUE, "takes %d lists of one length, got %d tensors",
                            lists, ct_call_inputs(call));
    for (int i = 0; i < n; i++) {
        const ct_tensor *w = ct_call_x(call, i);
        ct_dtype dtype = ct_dtype_of(w);
        if (dtype != CT_F32 && dtype != CT_F64)
            return ct_call_fail(call, CT_ERROR_DTYPE, "parameter %d must be f32 or f64", i);
        for (int list = G; list < floats; list++) {
            const ct_tensor *x = input(call, lists, list, i);
            if (ct_dtype_of(x) != dtype)
                return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ for parameter %d", i);
            if (!ct_same_shape(x, w))
                return ct_call_fail(call, CT_ERROR_SHAPE, "shapes differ for parameter %d", i);
        }
    }
    return CT_OK;
}

static ct_status check_steps(const ct_call *call)
{
    for (int i = 0; i < ct_call_inputs(call) / (STEPS + 1); i++) {
        const ct_tensor *t = input(call, STEPS + 1, STEPS, i);
        if (ct_dtype_of(t) != CT_I64 || ct_count(t) != 1)
            return ct_call_fail(call, CT_ERROR_DTYPE, "step count %d must be one i64", i);
        int64_t steps = *(const int64_t *)ct_data(t);
        if (steps < 0 || steps == INT64_MAX)
            return ct_call_fail(call, CT_ERROR_VALUE, "step count %d must be 0 or more, got %lld",
                                i, (long long)steps);
    }
    return CT_OK;
}

/* Everything but the gradients is written. This is the last check, since ct_data_mutable counts as
 * a write. */
static ct_status check_writable(const ct_call *call, int lists)
{
    int inputs = ct_call_inputs(call), n = inputs / lists;
    for (int i = 0; i < inputs; i++)
        if (i / n != G && !ct_data_mutable(ct_call_x(call, i)))
            return ct_error(ct_call_context(call));
    return CT_OK;
}

/* the caller's lists: `state` has `states` tensors for each of n parameters */
typedef struct lists {
    ct_tensor *const *w, *const *g, *const *state;
    int n, states;
} lists;

/* checks what all updates share: the lists must be there, the reserved options 0 */
static ct_status check_arguments(ct_context *cx, const char *who, const lists *l,
                                 const uint64_t reserved[4])
{
    if (l->n < 0 || l->n > INT_MAX / 5)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: n must be 0 to %d, got %d", who,
                       INT_MAX / 5, l->n);
    if (l->n > 0 && (!l->w || !l->g || (l->states > 0 && !l->state)))
        return ct_fail(cx, CT_ERROR_NULL, "%s: a list is NULL", who);
    if (reserved[0] | reserved[1] | reserved[2] | reserved[3])
        return ct_fail(cx, CT_ERROR_VALUE, "%s: reserved options must be 0", who);
    return CT_OK;
}

static ct_status check_number(ct_context *cx, const char *who, const char *what, double value,
                              double below)
{
    if (value >= 0 && value < below)
        return CT_OK;
    if (below < INFINITY)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: %s must be in [0, %g), got %g", who, what, below,
                       value);
    return ct_fail(cx, CT_ERROR_VALUE, "%s: %s must be finite and not negative, got %g", who, what,
                   value);
}

/* applies op to all lists, which ct_apply takes as one */
static ct_status apply(const ct_op *op, const void *attributes, ct_context *cx, const lists *l)
{
    size_t n = (size_t)l->n, states = n * (size_t)l->states;
    if (n == 0)
        return CT_OK;
    ct_tensor **all = ct_object_new(cx, (2 * n + states) * sizeof *all, NULL);
    if (!all)
        return cx ? CT_ERROR_MEMORY : CT_ERROR_NULL;
    memcpy(all, l->w, n * sizeof *all);
    memcpy(all + n, l->g, n * sizeof *all);
    if (states > 0)
        memcpy(all + 2 * n, l->state, states * sizeof *all);
    ct_status status = ct_apply_all(op, attributes, all, (int)(2 * n + states), NULL);
    ct_object_free(all);
    return status;
}

/* -- SGD */
static ct_status sgd_infer(ct_call *call)
{
    int lists = ((const sgd *)ct_call_attributes(call))->momentum > 0 ? 3 : 2;
    ct_status status = check_floats(call, lists, lists);
    return status == CT_OK ? check_writable(call, lists) : status;
}

static ct_status sgd_forward(ct_call *call)
{
    const sgd *s = ct_call_attributes(call);
    int lists = s->momentum > 0 ? 3 : 2, n = ct_call_inputs(call) / lists;
    ct__pass pass;
    ct_status status = ct__pass_begin(&pass, call, n, lists);
    if (status != CT_OK)
        return status;
    for (int i = 0; i < n; i++) {
        ct_tensor *x[] = { ct_call_x(call, i), input(call, lists, G, i),
                           lists == 3 ? input(call, lists, MOMENTUM, i) : NULL };
        ct__pass_add(&pass, x, CT_KERNEL_OF(lists == 3 ? momentum_bodies : sgd_bodies, x[W]), s);
    }
    ct__pass_run(&pass);
    return CT_OK;
}

static int sgd_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const sgd cases[] = { { 0.1, 0, 0, false }, { 0.1, 0.9, 0.01, true } };
    if (k >= 2)
        return 0;
    *(sgd *)attributes = cases[k];
    for (int i = 0; i < 4 + 2 * k; i++)
        x[i] = ct_randn(cx, CT_F64, (const int64_t[]){ 2, 3 }, 1 + i % 2);
    return 4 + 2 * k;
}

extern const ct_op ct__update_sgd_op;
const ct_op ct__update_sgd_op = {
    .name = "update_sgd",
    .formula = "h = g + weight_decay w; velocity = momentum velocity + h; w -= rate velocity",
    .derivative = "none",
    .inputs = -2,
    .flags = CT_OP_UPDATE,
    .attributes_size = sizeof(sgd),
    .infer = sgd_infer,
    .forward = sgd_forward,
    .sample = sgd_sample,
};

ct_status ct_update_sgd(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *velocity,
                        int n, double rate, const ct_sgd_options *options)
{
    const ct_sgd_options o = options ? *options : (ct_sgd_options){ 0 };
    const char *who = ct__update_sgd_op.name;
    const lists l = { w, g, velocity, n, o.momentum > 0 ? 1 : 0 };
    ct_context *cx;
    ct_status status = ct__context_of_list(w ? w : g, n, who, &cx);
    if (status != CT_OK || (status = check_arguments(cx, who, &l, o.reserved)) != CT_OK ||
        (status = check_number(cx, who, "rate", rate, INFINITY)) != CT_OK ||
        (status = check_number(cx, who, "momentum", o.momentum, 1)) != CT_OK ||
        (status = check_number(cx, who, "weight_decay", o.weight_decay, INFINITY)) != CT_OK)
        return status;
    if (o.nesterov && o.momentum == 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: with nesterov, momentum must be positive", who);
    return apply(&ct__update_sgd_op, &(sgd){ rate, o.momentum, o.weight_decay, o.nesterov }, cx,
                 &l);
}

/* -- Adam */
static ct_status adam_infer(ct_call *call)
{
    ct_status status = check_floats(call, STEPS + 1, STEPS);
    if (status == CT_OK)
        status = check_steps(call);
    return status == CT_OK ? check_writable(call, STEPS + 1) : status;
}

static adam_step at_step(const adam *a, double t)
{
    return (adam_step){
        .rate = a->rate / (1 - pow(a->beta1, t)),
        .root = 1 / sqrt(1 - pow(a->beta2, t)),
        .beta1 = a->beta1,
        .beta2 = a->beta2,
        .epsilon = a->epsilon,
        .decay = a->decoupled ? 0 : a->decay,
        .shrink = a->decoupled ? 1 - a->rate * a->decay : 1,
    };
}

static ct_status adam_forward(ct_call *call)
{
    int lists = STEPS + 1, n = ct_call_inputs(call) / lists;
    adam_step *steps = ct_call_scratch(call, (size_t)n * sizeof *steps);
    ct__pass pass;
    ct_status status = steps ? ct__pass_begin(&pass, call, n, STEPS) : CT_ERROR_MEMORY;
    if (status != CT_OK)
        return status;
    for (int i = 0; i < n; i++) {
        ct_tensor *x[] = { ct_call_x(call, i), input(call, lists, G, i),
                           input(call, lists, FIRST, i), input(call, lists, SECOND, i) };
        int64_t *t = ct_data_mutable(input(call, lists, STEPS, i));
        steps[i] = at_step(ct_call_attributes(call), (double)++*t);
        ct__pass_add(&pass, x, CT_KERNEL_OF(adam_bodies, x[W]), &steps[i]);
    }
    ct__pass_run(&pass);
    return CT_OK;
}

static int adam_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(adam *)attributes = (adam){ 0.1, 0.9, 0.999, 1e-8, 0.01, k == 1 };
    for (int i = 0; i < STEPS; i++)
        x[i] = ct_rand(cx, CT_F64, CT_SHAPE(2, 3));
    x[STEPS] = ct_scalar(cx, CT_I64, 3);
    return STEPS + 1;
}

extern const ct_op ct__update_adam_op;
const ct_op ct__update_adam_op = {
    .name = "update_adam",
    .formula = "h = g + weight_decay w; m = beta1 m + (1 - beta1) h; v = beta2 v + (1 - beta2) "
               "h^2; w -= rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)",
    .derivative = "none",
    .inputs = -5,
    .flags = CT_OP_UPDATE,
    .attributes_size = sizeof(adam),
    .infer = adam_infer,
    .forward = adam_forward,
    .sample = adam_sample,
};

/* an option: 0 means the default, a negative number 0 */
static double chosen(double value, double standard)
{
    return value == 0 ? standard : value < 0 ? 0 : value;
}

ct_status ct_update_adam(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *moments,
                         int n, double rate, const ct_adam_options *options)
{
    const ct_adam_options o = options ? *options : (ct_adam_options){ 0 };
    const char *who = ct__update_adam_op.name;
    const lists l = { w, g, moments, n, 3 };
    const adam a = { rate, chosen(o.beta1, 0.9), chosen(o.beta2, 0.999),
                     chosen(o.epsilon, 1e-8), chosen(o.weight_decay, 0), o.decoupled };
    ct_context *cx;
    ct_status status = ct__context_of_list(w ? w : g, n, who, &cx);
    if (status != CT_OK || (status = check_arguments(cx, who, &l, o.reserved)) != CT_OK ||
        (status = check_number(cx, who, "rate", a.rate, INFINITY)) != CT_OK ||
        (status = check_number(cx, who, "beta1", a.beta1, 1)) != CT_OK ||
        (status = check_number(cx, who, "beta2", a.beta2, 1)) != CT_OK ||
        (status = check_number(cx, who, "epsilon", a.epsilon, INFINITY)) != CT_OK ||
        (status = check_number(cx, who, "weight_decay", a.decay, INFINITY)) != CT_OK)
        return status;
    return apply(&ct__update_adam_op, &a, cx, &l);
}
