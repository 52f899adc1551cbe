/* The loss of a few images, as a function of one parameter tensor after the other, in f64: the net
 * is cloned, its f32 parameters becoming f64 ones of the same values. The checker perturbs them in
 * place, so the function below finds them in the clone and needs no argument. Of a large tensor it
 * compares random directions and a sample of entries. */
#include "check.h"

#include <math.h>
#include <stdio.h>

#include "clock.h"

enum { IMAGES = 8, ENTRIES_MIN = 8, ENTRIES_MAX = 64, ATTEMPTS = 3 };

typedef struct problem {
    ct_module *net;
    ct_tensor *x, *labels;
} problem;

static ct_tensor *loss_of(ct_context *cx, ct_tensor *const *parameter, int n, void *user)
{
    const problem *p = user;
    (void)cx, (void)parameter, (void)n;
    return ct_cross_entropy(ct_module_forward(p->net, p->x), p->labels);
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
static ct_verdict compare(ct_context *cx, problem *p, ct_tensor *parameter, ct_gradcheck_report *r)
{
    ct_gradcheck_options how = { .max_entries = entries_for(p->net), .accept_kinks = true };
    ct_verdict verdict = CT_GRADCHECK_INCONCLUSIVE;
    for (; how.seed < ATTEMPTS && verdict == CT_GRADCHECK_INCONCLUSIVE; how.seed++)
        verdict = ct_gradcheck(cx, loss_of, p, &parameter, 1, &how, r);
    return verdict;
}

static bool check_tensor(check *c, ct_context *cx, problem *p, ct_tensor *parameter)
{
    ct_gradcheck_report r;
    ct_verdict verdict = compare(cx, p, parameter, &r);
    double error = fabs(r.analytic - r.numeric);
    bool passed = verdict == CT_GRADCHECK_PASS;
    printf("  %-10s %8lld of %7lld entries, worst error %.1e (bar %.1e), %lld on kinks: %s\n",
           ct_name(parameter), (long long)r.compared, (long long)ct_count(parameter), error, r.bar,
           (long long)r.kinks, ct_verdict_text(verdict));
    if (!passed)
        printf("%s\n", ct_gradcheck_text(cx, &r));
    if (c->tensors == 0 || error - r.bar > c->error - c->bar)
        c->error = error, c->bar = r.bar;
    c->tensors++;
    c->compared += r.compared;
    c->kinks += r.kinks;
    c->passed &= passed;
    return !ct_error(cx);
}

bool check_gradients(check *c, ct_context *cx, ct_module *net, const images *set)
{
    int64_t rows = ct_size(set->x, 0) < IMAGES ? ct_size(set->x, 0) : IMAGES;
    double start = seconds_now();
    ct_scope scope = ct_scope_begin(cx);
    problem p = { ct_module_clone(net, CT_F64), NULL, NULL };
    p.x = ct_cast(ct_slice(set->x, 0, 0, rows, 1), CT_F64);
    p.labels = ct_slice(set->labels, 0, 0, rows, 1);
    *c = (check){ .passed = true, .images = (int)rows };

    printf("gradients of the loss of %d images in f64, against central differences:\n", c->images);
    int n = 0;
    ct_tensor *const *parameters = p.net ? ct_module_parameters(p.net, &n) : NULL;
    bool done = parameters && p.x && p.labels;
    for (int i = 0; done && i < n; i++)
        done = check_tensor(c, cx, &p, parameters[i]);
    ct_module_free(p.net);
    ct_scope_end(cx, scope);
    c->seconds = seconds_now() - start;
    if (done)
        printf("gradient check: %s, %lld entries compared, worst error %.1e against a bar of %.1e, "
               "%lld on kinks (%.1f s)\n", c->passed ? "pass" : "FAIL", (long long)c->compared,
               c->error, c->bar, (long long)c->kinks, c->seconds);
    return done;
}
