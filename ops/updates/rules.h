/* The rules of update, one row each in rules.def: what a rule keeps for a parameter, which options
 * it takes, and the numbers that its kernel reads at a step. All else is the same for every rule:
 * checks, lists, decay, the pass over memory. */
#ifndef CT_OPS_RULES_H
#define CT_OPS_RULES_H
#include <cotangent/kernels.h>
#include <cotangent/ops.h>

/* the options that some rules take and others do not */
enum {
    CT__MOMENTUM = 1, CT__NESTEROV = 2, CT__AMSGRAD = 4, CT__CENTERED = 8, CT__RATE_DECAY = 16,
    CT__BETA1 = 32, CT__BETA2 = 64, CT__EPSILON = 128,
    CT__ALWAYS = 256 /* as the reason of a slot: whatever the options are */
};
/* a rule keeps at most so many tensors like w for each parameter: its slots */
enum { CT__SLOTS = 3 };

/* one step of one parameter, in numbers */
typedef struct ct__numbers {
    double rate;           /* of the step; with bias correction where the rule has one */
    double beta1, beta2, epsilon, momentum;
    double decay;          /* h = g + decay w */
    double shrink;         /* w *= shrink comes first: decoupled decay; else 1 */
    double root;           /* corrects the bias of sqrt v */
    double direct;         /* NAdam's rate of h itself */
    bool nesterov, amsgrad, centered, adaptive;
    int at[CT__SLOTS];     /* which operand each slot is; 0, which is w, if the slot is not used */
} ct__numbers;

typedef struct ct__rule {
    const char *name;                            /* "rmsprop" */
    unsigned takes;                              /* the options it takes */
    unsigned slots[CT__SLOTS];                   /* the options that bring each; 0: none does */
    bool counts;                                 /* it keeps the number of steps, one i64 */
    bool decoupled;                              /* its decay always is, whatever options say */
    double beta1, beta2, epsilon, rate_decay;    /* defaults */
    /* changes what depends on the number of the step, which begins at 1 */
    void (*prepare)(ct__numbers *x, double t, const ct_update_options *o);
    const ct_loop_body (*bodies)[CT_SIMDS];      /* over w, g and the slots that are used */
} ct__rule;

/* by ct_update_rule; the first is none */
extern const ct__rule ct__rules[];
enum { CT__RULES = CT_LION + 1 };

/* the options that are on, as CT__MOMENTUM, ... */
unsigned ct__options_used(const ct_update_options *o);
/* how many slots the rule uses with these options; x->at gets their operands if x is given */
int ct__slots_used(const ct__rule *rule, const ct_update_options *o, ct__numbers *x);
/* o with the rule's defaults, and with 0 where it has a negative number */
ct_update_options ct__options_chosen(const ct__rule *rule, const ct_update_options *o);
/* the numbers of step t */
ct__numbers ct__numbers_at(const ct__rule *rule, const ct_update_options *o, double rate,
                           double decay, double t);
#endif
