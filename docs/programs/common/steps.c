/* Steps of training, which --replay records once and replays. */
#include <math.h>

#include "ranks.h"

/* A step that has a program of the library's; the context frees it. */
typedef struct kept {
    learner learner;            /* first: a step gets it as its user */
    ct_module_loss loss;        /* of `learn` */
    ct_functions step;
    int results;
    struct kept *next;
    ct_program *program;
} kept;

static ct_status learn(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    const kept *k = user;
    (void)n;
    y[0] = k->loss(k->learner.net, (void *)(uintptr_t)x);
    if (y[0] && ct_backward(y[0]) == CT_OK)
        ct_optimizer_step(k->learner.optimizer);
    return ct_error(cx);
}

static ct_program *program_of(program *p, const kept *want)
{
    kept *k = p->kept;
    while (k && (k->learner.net != want->learner.net || k->step != want->step
                 || k->learner.optimizer != want->learner.optimizer || k->loss != want->loss))
        k = k->next;
    if (!k && (k = ct_object_new(p->cx, sizeof *k, NULL))) {
        *k = *want;
        k->next = p->kept;
        k->program = ct_program_new_all(p->cx, k->step, k->results, k, p->replay);
        p->kept = k;
    }
    return k ? k->program : NULL;
}

static bool take(program *p, kept *k, ct_tensor *const *x, int n, ct_tensor **y)
{
    if (!p->replay)
        return k->step(p->cx, x, n, y, k) == CT_OK;
    ct_program *program = program_of(p, k);
    return program && ct_program_run_all(program, x, n, y) == CT_OK;
}

bool program_step_by(program *p, ct_functions step, int results, learner user,
                     ct_tensor *const *x, int n, ct_tensor **y)
{
    return take(p, &(kept){ .learner = user, .step = step, .results = results }, x, n, y);
}

double program_step(program *p, ct_module *net, ct_optimizer *o, ct_module_loss loss,
                    ct_tensor *const *x, int n)
{
    ct_tensor *y;
    kept k = { .learner = { net, o }, .loss = loss, .step = learn, .results = 1 };
    if (p->ranks > 1)
        return p->parallel->step(p, net, o, loss, x);
    return take(p, &k, x, n, &y) ? ct_item(y) : (double)NAN;
}
