/* Updates of parameters: one pass over all of them, their gradients and their states. They write in
 * place, unrecorded, and check everything before they write anything. The inputs of the operators
 * are lists, joined in this order: w_0 ... w_n-1, g_0 ... g_n-1, then the state. There is an
 * operator for each rule, and all have the callbacks of this file. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "copy.h"
#include "rules.h"
#include "update_loop.h"

enum { W, G, STATE };

/* the attributes of the operators */
typedef struct update {
    double rate;
    ct_update_options options; /* none is left to a default */
} update;

static const ct__rule *rule_of(const ct_call *call)
{
    return ct_call_op(call)->user;
}

/* how many lists there are: w, g, the slots, and the step counts where the rule has them */
static int lists_of(const ct_call *call, int *floats)
{
    const update *u = ct_call_attributes(call);
    *floats = STATE + ct__slots_used(rule_of(call), &u->options, NULL);
    return *floats + rule_of(call)->counts;
}

static ct_tensor *input(const ct_call *call, int lists, int list, int i)
{
    return ct_call_x(call, list * (ct_call_inputs(call) / lists) + i);
}

/* -- Checks of the inputs */
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

/* the last list */
static ct_status check_steps(const ct_call *call, int lists)
{
    for (int i = 0; i < ct_call_inputs(call) / lists; i++) {
        const ct_tensor *t = input(call, lists, lists - 1, i);
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

/* -- The operators */
static ct_status infer(ct_call *call)
{
    int floats, lists = lists_of(call, &floats);
    ct_status status = check_floats(call, lists, floats);
    if (status == CT_OK && floats < lists)
        status = check_steps(call, lists);
    return status == CT_OK ? check_writable(call, lists) : status;
}

/* the numbers of the step of parameter i; its steps, if they are counted, are counted up */
static ct__numbers numbers_of(const ct_call *call, ct_tensor *steps, int i)
{
    const update *u = ct_call_attributes(call);
    const ct_update_options *o = &u->options;
    double t = steps ? (double)++*(int64_t *)ct_data_mutable(steps) : 0;
    return ct__numbers_at(rule_of(call), o, o->factors ? u->rate * o->factors[i] : u->rate,
                          o->decays ? o->decays[i] : o->weight_decay, t);
}

/* A step of plain SGD where few rows of the gradient differ from 0: the others stay as they are.
 * False: it is not such a step */
static bool step_rows(const ct_call *call, ct_tensor *const *x, const ct__numbers *a)
{
    static const int64_t ones[] = { 1, 1 };
    const update *u = ct_call_attributes(call);
    const ct_tensor *rows = ct_touched_rows(x[G]);
    if (!rows || u->options.rule != CT_SGD || a->momentum != 0 || a->decay != 0 ||
        a->shrink != 1 || !isfinite(a->rate) || !ct_is_contiguous(x[W]) ||
        !ct_is_contiguous(x[G]))
        return false;
    ct_loop_body body = CT_KERNEL_OF(rule_of(call)->bodies, x[W]);
    const int64_t *row = ct_data(rows);
    int64_t n = ct_count(x[W]) / ct_size(x[W], 0), count = ct_count(rows);
    int64_t bytes = n * (int64_t)ct_dtype_size(ct_dtype_of(x[W]));
    char *w = (char *)(uintptr_t)ct_data(x[W]), *g = (char *)(uintptr_t)ct_data(x[G]);
    for (int64_t i = 0; i < count; i++) {
        if (i + CT__SOON < count) {
            ct__fetch_to_write(w + row[i + CT__SOON] * bytes, bytes);
            ct__fetch_to_write(g + row[i + CT__SOON] * bytes, bytes);
        }
        body(n, (void *[]){ w + row[i] * bytes, g + row[i] * bytes }, ones, a);
    }
    return true;
}

static ct_status forward(ct_call *call)
{
    int floats, lists = lists_of(call, &floats), n = ct_call_inputs(call) / lists;
    ct__pass pass;
    ct_status status = ct__pass_begin(&pass, call, n, floats, sizeof(ct__numbers));
    if (status != CT_OK)
        return status;
    ct__numbers *steps = pass.arguments;
    for (int i = 0; i < n; i++) {
        ct_tensor *x[CT__PASS_OPERANDS] = { NULL };
        for (int list = W; list < floats; list++)
            x[list] = input(call, lists, list, i);
        steps[i] = numbers_of(call, floats < lists ? input(call, lists, lists - 1, i) : NULL, i);
        if (step_rows(call, x, &steps[i]))
            continue;
        ct__pass_add(&pass, x, CT_KERNEL_OF(rule_of(call)->bodies, x[W]), &steps[i]);
    }
    ct__pass_run(&pass);
    return CT_OK;
}

/* once with the defaults and once with all that the rule takes; of one parameter, and of two */
static int sample(const ct__rule *rule, ct_context *cx, int k, ct_tensor **x, update *u)
{
    if (k >= 2)
        return 0;
    ct_update_options o = { 0 };
    if (k == 1)
        o = (ct_update_options){ .weight_decay = 0.01, .decoupled = rule->takes & CT__BETA1,
                                 .momentum = rule->takes & CT__MOMENTUM ? 0.9 : 0,
                                 .nesterov = rule->takes & CT__NESTEROV,
                                 .amsgrad = rule->takes & CT__AMSGRAD,
                                 .centered = rule->takes & CT__CENTERED };
    *u = (update){ 0.1, ct__options_chosen(rule, &o) };
    int floats = STATE + ct__slots_used(rule, &o, NULL), n = floats + rule->counts <= 4 ? 2 : 1;
    for (int i = 0; i < n * floats; i++)
        x[i] = ct_rand(cx, CT_F64, (const int64_t[]){ 2, 3 }, 1 + i % n);
    for (int i = 0; i < n * rule->counts; i++)
        x[n * floats + i] = ct_scalar(cx, CT_I64, 7);
    return n * (floats + rule->counts);
}

/* the place of each rule, as ct_update_rule has it */
enum { NONE,
#define RULE(rule, ...) AT_##rule,
#include "rules.def"
};

/* The options may point to factors and decays of the caller's, so they are not plain. Nothing is to
 * be freed. */
static void drop(void *attributes)
{
    (void)attributes;
}

static const size_t addresses[] = { offsetof(update, options.factors),
                                    offsetof(update, options.decays), sizeof(update) };

#define RULE(rule, formula_of_it, ...)                                                          \
    static int rule##_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)            \
    {                                                                                           \
        return sample(&ct__rules[AT_##rule], cx, k, x, attributes);                             \
    }                                                                                           \
    extern const ct_op ct__update_##rule##_op;                                                  \
    const ct_op ct__update_##rule##_op = {                                                      \
        .name = "update_" #rule,                                                                \
        .formula = formula_of_it,                                                               \
        .derivative = "none",                                                                   \
        .inputs = -2,                                                                           \
        .flags = CT_OP_UPDATE,                                                                  \
        .attributes_size = sizeof(update),                                                      \
        .drop = drop,                                                                           \
        .addresses = addresses,                                                                 \
        .infer = infer,                                                                         \
        .forward = forward,                                                                     \
        .sample = rule##_sample,                                                                \
        .user = &ct__rules[AT_##rule],                                                          \
    };
#include "rules.def"

static const ct_op *const ops[] = { NULL,
#define RULE(rule, ...) &ct__update_##rule##_op,
#include "rules.def"
};

/* -- Checks of the arguments */
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

/* an option that the rule does not have is an error */
static ct_status check_taken(ct_context *cx, const ct_op *op, const ct_update_options *o)
{
    static const struct { unsigned option; const char *name; } all[] = {
        { CT__MOMENTUM, "momentum" }, { CT__NESTEROV, "nesterov" }, { CT__AMSGRAD, "amsgrad" },
        { CT__CENTERED, "centered" }, { CT__RATE_DECAY, "rate_decay" }, { CT__BETA1, "beta1" },
        { CT__BETA2, "beta2" }, { CT__EPSILON, "epsilon" },
    };
    const ct__rule *rule = op->user;
    unsigned extra = ct__options_used(o) & ~rule->takes;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (extra & all[i].option)
            return ct_fail(cx, CT_ERROR_VALUE, "%s: this rule has no option %s", op->name,
                           all[i].name);
    if (o->nesterov && o->momentum == 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: with nesterov, momentum must be positive",
                       op->name);
    return CT_OK;
}

/* o as the caller gave it. Its operator, or NULL and an error */
static const ct_op *checked(ct_context *cx, const ct_update_options *o)
{
    if (!o || (int)o->rule < 1 || (int)o->rule >= CT__RULES)
        return ct_fail(cx, CT_ERROR_VALUE, "update: the options must name a rule, got %d",
                       o ? (int)o->rule : 0), NULL;
    const ct_op *op = ops[o->rule];
    const ct_update_options c = ct__options_chosen(op->user, o);
    const struct { const char *name; double value, below; } numbers[] = {
        { "momentum", c.momentum, 1 }, { "beta1", c.beta1, 1 }, { "beta2", c.beta2, 1 },
        { "epsilon", c.epsilon, INFINITY }, { "weight_decay", c.weight_decay, INFINITY },
        { "rate_decay", c.rate_decay, INFINITY },
    };
    if (o->reserved[0] | o->reserved[1] | o->reserved[2] | o->reserved[3])
        return ct_fail(cx, CT_ERROR_VALUE, "%s: reserved options must be 0", op->name), NULL;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (check_number(cx, op->name, numbers[i].name, numbers[i].value, numbers[i].below))
            return NULL;
    return check_taken(cx, op, o) == CT_OK ? op : NULL;
}

/* the caller's lists: `state` has `states` tensors for each of n parameters */
typedef struct lists {
    ct_tensor *const *w, *const *g, *const *state;
    int n, states;
} lists;

static ct_status check_lists(ct_context *cx, const char *who, const lists *l)
{
    if (l->n < 0 || l->n > INT_MAX / (CT__SLOTS + 3))
        return ct_fail(cx, CT_ERROR_RANGE, "%s: n must be 0 to %d, got %d", who,
                       INT_MAX / (CT__SLOTS + 3), l->n);
    if (l->n > 0 && (!l->w || !l->g || (l->states > 0 && !l->state)))
        return ct_fail(cx, CT_ERROR_NULL, "%s: a list is NULL", who);
    return CT_OK;
}

static ct_status check_each(ct_context *cx, const char *who, const char *what, const double *value,
                            int n)
{
    ct_status status = CT_OK;
    for (int i = 0; value && i < n && status == CT_OK; i++)
        status = check_number(cx, who, what, value[i], INFINITY);
    return status;
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

/* -- The public functions */
ct_status ct_update(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *state, int n,
                    double rate, const ct_update_options *options)
{
    bool named = options && (int)options->rule > 0 && (int)options->rule < CT__RULES;
    const char *who = named ? ops[options->rule]->name : "update";
    ct_context *cx;
    ct_status status = ct__context_of_list(w ? w : g, n, who, &cx);
    if (status != CT_OK)
        return status;
    const ct_op *op = checked(cx, options);
    if (!op)
        return cx ? ct_error(cx) : CT_ERROR_VALUE;
    const ct__rule *rule = op->user;
    const lists l = { w, g, state, n, ct__slots_used(rule, options, NULL) + rule->counts };
    if ((status = check_lists(cx, who, &l)) != CT_OK ||
        (status = check_number(cx, who, "rate", rate, INFINITY)) != CT_OK ||
        (status = check_each(cx, who, "a factor", options->factors, n)) != CT_OK ||
        (status = check_each(cx, who, "a weight decay", options->decays, n)) != CT_OK)
        return status;
    return apply(op, &(update){ rate, ct__options_chosen(rule, options) }, cx, &l);
}

int ct_update_state(ct_tensor *w, const ct_update_options *options, ct_tensor **state)
{
    if (w && !ct_usable(w, "update_state"))
        return -1;
    const ct_op *op = checked(ct_context_of(w), options);
    if (!op || !w)
        return -1;
    const ct__rule *rule = op->user;
    int floats = ct__slots_used(rule, options, NULL), n = floats + rule->counts;
    for (int i = 0; state && i < n; i++)
        state[i] = NULL;
    for (int i = 0; state && i < n; i++) {
        state[i] = i < floats ? ct_zeros_like(w) : ct_scalar(ct_context_of(w), CT_I64, 0);
        if (!state[i])
            return -1;
    }
    return n;
}

/* -- SGD and Adam, by options of their own */
static void copy_reserved(ct_update_options *to, const uint64_t from[4])
{
    memcpy(to->reserved, from, sizeof to->reserved);
}

ct_update_options ct_sgd_rule(const ct_sgd_options *options)
{
    ct_update_options u = { .rule = CT_SGD };
    if (!options)
        return u;
    u.momentum = options->momentum;
    u.weight_decay = options->weight_decay;
    u.nesterov = options->nesterov;
    u.keep_gradients = options->keep_gradients;
    copy_reserved(&u, options->reserved);
    return u;
}

ct_update_options ct_adam_rule(const ct_adam_options *options)
{
    ct_update_options u = { .rule = CT_ADAM };
    if (!options)
        return u;
    u.beta1 = options->beta1;
    u.beta2 = options->beta2;
    u.epsilon = options->epsilon;
    u.weight_decay = options->weight_decay < 0 ? 0 : options->weight_decay;
    u.decoupled = options->decoupled;
    u.amsgrad = options->amsgrad;
    u.keep_gradients = options->keep_gradients;
    copy_reserved(&u, options->reserved);
    return u;
}

ct_status ct_update_sgd(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *velocity,
                        int n, double rate, const ct_sgd_options *options)
{
    const ct_update_options o = ct_sgd_rule(options);
    return ct_update(w, g, velocity, n, rate, &o);
}

ct_status ct_update_adam(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *moments,
                         int n, double rate, const ct_adam_options *options)
{
    const ct_update_options o = ct_adam_rule(options);
    return ct_update(w, g, moments, n, rate, &o);
}
