/* How the operators of a recorded graph are checked. */
#ifndef COTANGENT_GRAPH_CHECK_H
#define COTANGENT_GRAPH_CHECK_H
#include "trial.h"

/* a vertex' operator, as a function of those of its inputs that require grad */
typedef struct ct__vertex {
    ct_op op;
    const void *attributes;
    int n, wanted;                         /* its inputs, and how many of them require grad */
    int place[CT__TRIAL_INPUTS];           /* of input i among the wanted ones; -1: a constant */
    int number[CT__TRIAL_INPUTS];          /* of the wanted ones, among the inputs */
    ct_tensor *x[CT__TRIAL_INPUTS];        /* the wanted ones, as leaves */
    ct_tensor *constant[CT__TRIAL_INPUTS]; /* the others */
    ct_tensor *wide[CT__TRIAL_INPUTS];     /* and those in f64 */
} ct__vertex;

typedef struct ct__vertex_seen {
    void (*each)(const ct_gradcheck_report *report, void *user);
    void *user;
} ct__vertex_seen;

/* -- vertices.c: the worst verdict, and the first report that has it. Without `each` it stops at
 * the first FAIL. INVALID, with an empty report: no operator, or no memory */
ct_verdict ct__check_graph(ct_context *cx, ct_tensor *y, const ct_gradcheck_options *options,
                           const ct__vertex_seen *seen, ct_gradcheck_report *report);
/* see `explain` in checker.h */
bool ct__check_explain(ct__check *c, bool *kinks);
#endif
