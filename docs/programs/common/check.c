/* The loss as a function of one parameter tensor after the other, in f64: the net is cloned, its
 * f32 parameters becoming f64 ones of the same values. The checker perturbs them in place, so the
 * function below finds them in the clone and needs no argument. Of a large tensor it compares
 * random directions and a sample of entries. */
#include "program.h"

#include <math.h>

enum { ENTRIES_MIN = 8, ENTRIES_MAX = 64, ATTEMPTS = 3 };

typedef struct problem {
    ct_module *net;
    ct_module_loss loss;
    void *user;
} problem;

static ct_tensor *loss_of(ct_context *cx, ct_tensor *const *parameter, int n, void *user)
{
    const problem *p = user;
    (void)cx, (void)parameter, (void)n;
    return p->loss(p->net, p->user);
}

/* so many of each tensor that it takes about a second, or a few for large nets */
static int64_t entries_for(const ct_module *net)
{
    int64_t n = ENTRIES_MAX * (int64_t)100000 / (ct_module_count(net) + 1);
    return n < ENTRIES_MIN ? ENTRIES_MIN : n > ENTRIES_MAX ? ENTRIES_MAX : n;
}

/* A net of ReLUs has kinks everywhere. Where one is so near that no step is left to measure with,
 * the answer is INCONCLUSIVE, and other directions and entries are tried. A mismatch gets no second
 * chance. */
static ct_verdict compare(ct_context *cx, problem *q, ct_tensor *parameter, ct_gradcheck_report *r)
{
    ct_gradcheck_options how = { .max_entries = entries_for(q->net), .accept_kinks = true };
    ct_verdict verdict = CT_GRADCHECK_INCONCLUSIVE;
    for (; how.seed < ATTEMPTS && verdict == CT_GRADCHECK_INCONCLUSIVE; how.seed++)
        verdict = ct_gradcheck(cx, loss_of, q, &parameter, 1, &how, r);
    return verdict;
}

static void check_tensor(program *p, problem *q, ct_tensor *parameter)
{
    ct_gradcheck_report r;
    check *c = &p->check;
    ct_verdict verdict = compare(p->cx, q, parameter, &r);
    double error = fabs(r.analytic - r.numeric);
    bool passed = verdict == CT_GRADCHECK_PASS;
    if (!p->tiny)
        program_say(p, "  %-10s %8lld of %7lld entries, worst error %.1e (bar %.1e), %lld on "
                    "kinks: %s", ct_name(parameter), (long long)r.compared,
                    (long long)ct_count(parameter), error, r.bar, (long long)r.kinks,
                    ct_verdict_text(verdict));
    if (!passed)
        program_say(p, "%s", ct_gradcheck_text(p->cx, &r));
    if (c->tensors == 0 || error - r.bar > c->error - c->bar)
        c->error = error, c->bar = r.bar;
    c->tensors++;
    c->compared += r.compared;
    c->kinks += r.kinks;
    c->passed &= passed;
}

/* without what differs from machine to machine, for the tests */
static void report_check(program *p)
{
    const check *c = &p->check;
    if (p->tiny)
        program_say(p, "gradient check: %s, %d tensors", c->passed ? "pass" : "FAIL", c->tensors);
    else
        program_say(p, "gradient check: %s, %lld entries compared, worst error %.1e against a bar "
                    "of %.1e, %lld on kinks (%.1f s)", c->passed ? "pass" : "FAIL",
                    (long long)c->compared, c->error, c->bar, (long long)c->kinks, c->seconds);
}

bool program_check(program *p, ct_module *net, ct_module_loss loss, void *user)
{
    double start = seconds_now();
    ct_scope scope = ct_scope_begin(p->cx);
    problem q = { ct_module_clone(net, CT_F64), loss, user };
    p->check = (check){ .passed = true };
    program_say(p, "gradients of the loss in f64, against central differences:");
    int n = 0;
    ct_tensor *const *parameters = q.net ? ct_module_parameters(q.net, &n) : NULL;
    for (int i = 0; i < n && !ct_error(p->cx); i++)
        check_tensor(p, &q, parameters[i]);
    ct_module_free(q.net);
    ct_scope_end(p->cx, scope);
    p->check.seconds = seconds_now() - start;
    if (ct_error(p->cx))
        return false;
    report_check(p);
    return p->check.passed;
}
