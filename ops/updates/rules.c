/* The rules of update and the numbers of their steps. h is g + weight_decay w; p, q, r are the
 * slots, which begin as zeros.
 *
 *   Adam    m^ / sqrt v^ with m^ = m / (1 - b1^t), v^ = v / (1 - b2^t): both corrections are
 *           numbers
 *   NAdam   its products mu_1 ... mu_t need not be kept: mu_i < b1 (1 - 0.96^(i d) / 2) falls so
 *           fast that a product below 2^-54 changes no 1 - product any more
 *   RAdam   s, the length of the average of h^2, grows with t to z = 2 / (1 - b2) - 1. While
 *           s <= 5 the step is r m^, without a division
 *
 * A zero gradient keeps m = 0 and v = 0, and 0 / (0 + epsilon) is no move. With epsilon 0 it is
 * NaN, as in PyTorch. */
#include "rules.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#if defined(__GNUC__)
#define UPDATE_INLINE inline __attribute__((always_inline)) /* else the rule would be a call */
#else
#define UPDATE_INLINE inline
#endif

/* bound by memory: wider vectors than AVX2's gain nothing */
#define CT_KERNELS "update_kernels.h"
#include <cotangent/kernels.h>
static const ct_loop_body sgd_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(sgd);
static const ct_loop_body adam_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(adam);
#define CT_KERNELS     "rule_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#define CT_KERNELS_TAG _plain
#include <cotangent/kernels.h>
static const ct_loop_body rmsprop_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(rmsprop_plain);
static const ct_loop_body adagrad_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(adagrad_plain);
static const ct_loop_body adadelta_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(adadelta_plain);
static const ct_loop_body nadam_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(nadam_plain);
static const ct_loop_body radam_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(radam_plain);
static const ct_loop_body adamax_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(adamax_plain);
static const ct_loop_body lion_bodies[][CT_SIMDS] = CT_KERNEL_TABLE(lion_plain);

/* -- What depends on the number of the step */
static void prepare_adam(ct__numbers *x, double t, const ct_update_options *o)
{
    (void)o;
    x->rate /= 1 - pow(x->beta1, t);
    x->root = 1 / sqrt(1 - pow(x->beta2, t));
}

static void prepare_adagrad(ct__numbers *x, double t, const ct_update_options *o)
{
    x->rate /= 1 + (t - 1) * o->rate_decay;
}

static double nadam_mu(double beta1, double t, double rate_decay)
{
    return beta1 * (1 - 0.5 * pow(0.96, t * rate_decay));
}

static void prepare_nadam(ct__numbers *x, double t, const ct_update_options *o)
{
    double product = 1, mu = nadam_mu(x->beta1, t, o->rate_decay);
    double next = nadam_mu(x->beta1, t + 1, o->rate_decay), rate = x->rate;
    for (double i = 1; i <= t && product > 0x1p-54; i++)
        product *= nadam_mu(x->beta1, i, o->rate_decay);
    x->direct = rate * (1 - mu) / (1 - product);
    x->rate = rate * next / (1 - product * next);
    x->root = 1 / sqrt(1 - pow(x->beta2, t));
}

static void prepare_radam(ct__numbers *x, double t, const ct_update_options *o)
{
    (void)o;
    double power = pow(x->beta2, t), z = 2 / (1 - x->beta2) - 1;
    double s = z - 2 * t * power / (1 - power);
    x->adaptive = s > 5;
    x->rate /= 1 - pow(x->beta1, t);
    if (x->adaptive)
        x->rate *= sqrt((s - 4) * (s - 2) * z / ((z - 4) * (z - 2) * s)) * sqrt(1 - power);
}

static void prepare_adamax(ct__numbers *x, double t, const ct_update_options *o)
{
    (void)o;
    x->rate /= 1 - pow(x->beta1, t);
}

#define RULE(rule, formula, ...) { .name = #rule, .bodies = rule##_bodies, __VA_ARGS__ },
const ct__rule ct__rules[] = {
    { .name = NULL },
#include "rules.def"
};

/* -- Options */
unsigned ct__options_used(const ct_update_options *o)
{
    return (o->momentum != 0 ? CT__MOMENTUM : 0u) | (o->nesterov ? CT__NESTEROV : 0u) |
           (o->amsgrad ? CT__AMSGRAD : 0u) | (o->centered ? CT__CENTERED : 0u) |
           (o->rate_decay != 0 ? CT__RATE_DECAY : 0u) | (o->beta1 != 0 ? CT__BETA1 : 0u) |
           (o->beta2 != 0 ? CT__BETA2 : 0u) | (o->epsilon != 0 ? CT__EPSILON : 0u);
}

int ct__slots_used(const ct__rule *rule, const ct_update_options *o, ct__numbers *x)
{
    unsigned used = ct__options_used(o) | CT__ALWAYS;
    int n = 0;
    for (int k = 0; k < CT__SLOTS; k++) {
        bool is_used = rule->slots[k] & used;
        if (x)
            x->at[k] = is_used ? 2 + n : 0; /* behind w and g */
        n += is_used;
    }
    return n;
}

static double chosen(double value, double standard)
{
    return value == 0 ? standard : value < 0 ? 0 : value;
}

ct_update_options ct__options_chosen(const ct__rule *rule, const ct_update_options *o)
{
    const size_t flags_end = offsetof(ct_update_options, keep_gradients) + sizeof(bool);
    ct_update_options c = *o;
    /* all bytes of attributes are written where a program is emitted, the unnamed ones, too */
    memset((char *)&c + flags_end, 0, offsetof(ct_update_options, momentum) - flags_end);
    c.beta1 = chosen(o->beta1, rule->beta1);
    c.beta2 = chosen(o->beta2, rule->beta2);
    c.epsilon = chosen(o->epsilon, rule->epsilon);
    c.rate_decay = chosen(o->rate_decay, rule->rate_decay);
    c.decoupled = o->decoupled || rule->decoupled;
    return c;
}

ct__numbers ct__numbers_at(const ct__rule *rule, const ct_update_options *o, double rate,
                           double decay, double t)
{
    ct__numbers x = {
        .rate = rate, .beta1 = o->beta1, .beta2 = o->beta2, .epsilon = o->epsilon,
        .momentum = o->momentum, .decay = o->decoupled ? 0 : decay,
        .shrink = o->decoupled ? 1 - rate * decay : 1, .root = 1, .nesterov = o->nesterov,
        .amsgrad = o->amsgrad, .centered = o->centered,
    };
    ct__slots_used(rule, o, &x);
    if (rule->prepare)
        rule->prepare(&x, t, o);
    return x;
}
