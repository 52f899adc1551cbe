/* Optimizers from the inside: for moving averages, and for files that keep their state. */
#ifndef COTANGENT_OPTIMIZER_H
#define COTANGENT_OPTIMIZER_H
#include "module.h"

/* Parameters that were given together: an object of its own, which releases what it retains. */
typedef struct ct__group {
    struct ct__group *next;
    int n;
    double factor, decay;                   /* of the optimizer's rate; the weight decay */
    ct_tensor **w;                          /* n, retained, as the states are */
    ct_tensor **states[CT_UPDATE_STATES];   /* n of each, NULL before a parameter's first step */
    double *decays;                         /* of each parameter */
    /* for a step of this group and all before it: all w, then all g, then the states; and the
       factors and decays of all w that take part */
    ct_tensor **step;
    double *step_factors, *step_decays;
    ct_tensor *room[];                      /* where the lists above lie */
} ct__group;

struct ct_optimizer {
    ct_context *cx;
    ct_update_options options;
    double rate;
    int n, states;      /* parameters of all groups; tensors that the rule keeps for each */
    ct__group *groups, *last;
};

bool ct__optimizer_alive(const ct_optimizer *o, const char *who);
/* makes the missing states of all parameters, which are zeros: so it changes no step */
ct_status ct__optimizer_complete(ct_optimizer *o);

/* the context of the first parameter that is not NULL; where n is negative, of the first one, so
   that the error has a context. NULL and an error if one is stale */
ct_context *ct__context_of(const char *who, ct_tensor *const *w, int n);
#endif
