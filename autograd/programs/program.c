/* The functions of program.h: which plan fits, and what is done where none does. */
#include <stdio.h>
#include <string.h>

#include "programs.h"

enum { PLANS = 8, VOIDS = 8 };

static void finish(void *program)
{
    ct_program *p = program;
    ct__clones_leave(p);
    for (ct__plan *plan; (plan = p->plans);) {
        p->plans = plan->next;
        ct__plan_free(plan);
    }
}

bool ct__program_alive(const ct_program *p, const char *who)
{
    return ct_object_alive(p, finish, who);
}

static ct_program *program_new(ct_context *cx, const ct__source *f,
                               const ct_program_options *options)
{
    static const ct_program_options defaults;
    if (!cx)
        return NULL;
    if (!f->one && !f->all)
        return ct_fail(cx, CT_ERROR_NULL, "program_new: the function is NULL"), NULL;
    if (f->results < 1)
        return ct_fail(cx, CT_ERROR_RANGE, "program_new: %d results; it must be 1 or more",
                       f->results), NULL;
    if (!options)
        options = &defaults;
    if (options->reserved[0] || options->reserved[1] || options->reserved[2] ||
        options->reserved[3])
        return ct_fail(cx, CT_ERROR_VALUE, "program_new: options were not zeroed"), NULL;
    if (options->plans < 0 || options->verify < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "program_new: plans and verify must not be negative"),
               NULL;
    ct_program *p = ct_object_new(cx, sizeof *p, finish);
    if (!p)
        return NULL;
    p->cx = cx;
    p->f = *f;
    p->options = *options;
    if (p->options.plans == 0)
        p->options.plans = PLANS;
    return p;
}

ct_program *ct_program_new(ct_context *cx, ct_function f, void *user,
                           const ct_program_options *options)
{
    return program_new(cx, &(ct__source){ f, NULL, 1, user }, options);
}

ct_program *ct_program_new_all(ct_context *cx, ct_functions f, int results, void *user,
                               const ct_program_options *options)
{
    return program_new(cx, &(ct__source){ NULL, f, results, user }, options);
}

ct_program *ct_program_clone(ct_program *p, ct_context *cx)
{
    if (!ct_object_alive(p, finish, "program_clone"))
        return NULL;
    if (!cx || cx == p->cx)
        return ct_fail(p->cx, CT_ERROR_CONTEXT, "program_clone: it needs another context"), NULL;
    if (p->is_clone || p->running)
        return ct_fail(cx, CT_ERROR_UNSUPPORTED, "program_clone: it %s",
                       p->running ? "runs" : "is a clone itself"), NULL;
    ct_program *c = ct_object_new(cx, sizeof *c, finish);
    if (!c)
        return NULL;
    *c = (ct_program){ .cx = cx, .f = p->f, .options = p->options, .is_clone = true, .of = p,
                       .next_clone = p->clones };
    p->clones = c;
    ct__twins_drop(p, NULL); /* all is noted anew, for all clones */
    for (ct__plan *plan; (plan = p->plans);) {
        p->plans = plan->next;
        ct__plan_free(plan);
    }
    p->count = 0;
    return c;
}

void ct_program_free(ct_program *p)
{
    if (!p || !ct_object_alive(p, finish, "program_free"))
        return;
    if (p->running)
        ct_fail(p->cx, CT_ERROR_VALUE, "program_free: the program runs");
    else
        ct_object_free(p);
}

static bool arguments_fit(const ct_program *p, ct_tensor *const *x, int n)
{
    if (n < 0 || (n > 0 && !x))
        return ct_fail(p->cx, CT_ERROR_NULL, "program_run: the inputs are NULL"), false;
    for (int i = 0; i < n; i++) {
        if (!x[i])
            return ct_fail(p->cx, CT_ERROR_NULL, "program_run: x%d is NULL", i), false;
        if (!ct__usable(x[i], "program_run"))
            return false;
        if (x[i]->cx != p->cx)
            return ct_fail(p->cx, CT_ERROR_CONTEXT, "program_run: x%d is of another context", i),
                   false;
    }
    return true;
}

/* frees plans whose leaves are not what they were */
static void drop_void(ct_program *p)
{
    for (ct__plan **at = &p->plans, *plan; (plan = *at);) {
        if (ct__plan_alive(plan)) {
            at = &plan->next;
            continue;
        }
        *at = plan->next;
        ct__twins_drop(p, plan);
        ct__plan_free(plan);
        p->count--;
        p->voids++;
    }
}

static ct__plan *find(const ct_program *p, ct_tensor *const *x, int n)
{
    for (ct__plan *plan = p->plans; plan; plan = plan->next)
        if (ct__plan_fits(plan, x, n))
            return plan;
    return NULL;
}

/* f(x), without a plan; `why` it has none, or NULL */
static bool eager(ct_program *p, ct_tensor *const *x, int n, const char *why, ct_tensor **y)
{
    if (!p->options.strict || !why)
        return ct__program_eager(p->cx, &p->f, x, n, NULL, y);
    return ct_fail(p->cx, CT_ERROR_UNSUPPORTED, "program_run: it stays eager: %s", why), false;
}

/* A plan that stays eager goes behind the others, which may fit better. */
static void keep(ct_program *p, ct__plan *plan)
{
    ct__plan **at = &p->plans;
    while (*at && (plan->why[0] || !(*at)->why[0]))
        at = &(*at)->next;
    plan->next = *at;
    *at = plan;
    p->count++;
}

static bool first_run(ct_program *p, ct_tensor *const *x, int n, ct_tensor **y)
{
    if (p->count >= p->options.plans)
        return eager(p, x, n, "there are as many plans as may be kept", y);
    if (ct_error(p->cx) != CT_OK) /* it would not be seen whether a call fails */
        return eager(p, x, n, NULL, y);
    if (p->voids > VOIDS)
        return eager(p, x, n, "tensors that it reaches are released again and again", y);
    ct__plan *plan = ct__plan_new(p->cx, x, n);
    if (plan && plan->failed) {
        ct__plan_free(plan);
        plan = NULL;
    }
    if (plan) {
        plan->compared = p->options.verify > 0;
        ct__twins_new(p, plan, x, n);
    }
    bool good = ct__program_eager(p->cx, &p->f, x, n, plan, y);
    if (!plan)
        return good;
    ct__twins_keep(plan, good && !plan->failed);
    if (!good || plan->failed) {
        ct__plan_free(plan);
        return good;
    }
    keep(p, plan);
    if (plan->why[0] && p->options.strict)
        return ct_fail(p->cx, CT_ERROR_UNSUPPORTED, "program_run: it stays eager: %s", plan->why),
               false;
    return true;
}

static bool same_bits(ct_tensor *a, ct_tensor *b)
{
    bool same = a->dtype == b->dtype && ct__same_shape(a, b);
    a = same ? ct__contiguous(a) : NULL;
    b = a ? ct__contiguous(b) : NULL;
    return b && memcmp(a->data, b->data, (size_t)a->count * ct__dtype_size(a->dtype)) == 0;
}

/* after the eager run that y is of: does a replay give the same? It has no effects but draws */
static bool verify_bits(ct__plan *plan, ct_tensor *const *x, uint64_t draws, ct_tensor *const *y)
{
    ct_context *cx = plan->cx;
    uint64_t after = cx->draws;
    ct_tensor **again = (void *)ct__scope_chars(cx, (size_t)plan->result_count * sizeof *again);
    cx->draws = draws;
    bool good = again && ct__replay(plan, x, again), same = cx->draws == after;
    cx->draws = after;
    for (int i = 0; i < plan->result_count && good && same; i++)
        same = same_bits(again[i], y[i]);
    if (good && !same)
        ct_fail(cx, CT_ERROR_VALUE, "program_run: a replay gives other bits");
    return good && ct_error(cx) == CT_OK;
}

/* An eager run, noted once more: is the plan what a new one would be? */
static bool verify(ct_program *p, ct__plan *plan, ct_tensor *const *x, int n, ct_tensor **y)
{
    ct_context *cx = p->cx;
    uint64_t draws = cx->draws;
    ct__plan *other = ct_error(cx) == CT_OK ? ct__plan_new(cx, x, n) : NULL;
    bool noted = other && !other->failed;
    if (noted)
        other->compared = true;
    bool good = ct__program_eager(cx, &p->f, x, n, noted ? other : NULL, y);
    noted = noted && !other->failed;
    const char *why = good && noted ? ct__plans_differ(plan, other) : NULL;
    if (why)
        ct_fail(cx, CT_ERROR_VALUE, "program_run: the function does not do what it did when it was "
                "noted; the first difference: %s", why);
    if (other)
        ct__plan_free(other);
    if (!good || why || !noted || ct__has_effects(plan))
        return good && !why;
    return verify_bits(plan, x, draws, y);
}

static bool run(ct_program *p, ct_tensor *const *x, int n, ct_tensor **y)
{
    if (!p->is_clone)
        drop_void(p);
    ct__plan *plan = find(p, x, n);
    const char *why = p->is_clone ? ct__clone_refuses(p, plan) : NULL;
    if (why)
        return ct_fail(p->cx, CT_ERROR_UNSUPPORTED, "program_run: a clone cannot do this run: %s",
                       why), false;
    if (p->is_clone)
        return ct__replay(plan, x, y);
    if (!plan)
        return first_run(p, x, n, y);
    if (plan->why[0])
        return eager(p, x, n, plan->why, y);
    p->voids = 0;
    if (p->options.verify > 0 && ++p->runs % p->options.verify == 0)
        return verify(p, plan, x, n, y);
    return ct__replay(plan, x, y);
}

/* y, which is marked as having no graph if it may have one as f returns it */
static void cut(ct_tensor *y, ct_tensor *const *x, int n)
{
    static const ct_op op = { .name = "program" };
    bool depends = y->flags & CT__REQUIRES_GRAD;
    for (int i = 0; i < n && !depends; i++)
        depends = x[i]->op && ct__is_float(y->dtype);
    y->flags &= (uint16_t)~CT__REQUIRES_GRAD;
    if (depends && y->cx->recording) {
        y->flags |= CT__REQUIRES_GRAD;
        y->op = &op;
        y->cx->memory.nodes++;
    }
}

/* f as it is, with its graph */
static bool call(const ct__source *f, ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y)
{
    if (!f->one)
        return f->all(cx, x, n, y, f->user) == CT_OK;
    y[0] = f->one(cx, x, n, f->user);
    return y[0] != NULL;
}

ct_status ct_program_run_all(ct_program *p, ct_tensor *const *x, int n, ct_tensor **y)
{
    if (!ct_object_alive(p, finish, "program_run"))
        return p ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_context *cx = p->cx;
    if (!y)
        return ct_fail(cx, CT_ERROR_NULL, "program_run: the room for the results is NULL");
    memset(y, 0, (size_t)p->f.results * sizeof *y);
    if (!arguments_fit(p, x, n))
        return ct_error(cx);
    bool good;
    if (cx->listener && !p->is_clone) {
        good = call(&p->f, cx, x, n, y);
    } else {
        bool outer = !p->running;
        bool alone = p->is_clone || (outer && !cx->find_nonfinite && !cx->repeating);
        p->running = true;
        good = alone ? run(p, x, n, y) : eager(p, x, n, NULL, y);
        p->running = !outer;
        for (int i = 0; i < p->f.results && good; i++)
            cut(y[i], x, n);
    }
    for (int i = 0; i < p->f.results && !good; i++)
        y[i] = NULL;
    return good ? CT_OK : ct_error(cx) != CT_OK ? ct_error(cx) : CT_ERROR_CALLBACK;
}

ct_tensor *ct_program_run(ct_program *p, ct_tensor *const *x, int n)
{
    if (!ct_object_alive(p, finish, "program_run"))
        return NULL;
    ct_tensor *one, **y = &one;
    if (p->f.results > 1)
        y = (void *)ct__scope_chars(p->cx, (size_t)p->f.results * sizeof *y);
    return y && ct_program_run_all(p, x, n, y) == CT_OK ? y[0] : NULL;
}

ct_tensor *ct_program_call(ct_context *cx, ct_tensor *const *x, int n, void *program)
{
    ct_program *p = program;
    if (!ct_object_alive(p, finish, "program_call"))
        return NULL;
    bool graph = false;
    for (int i = 0; i < n && x && !graph; i++)
        graph = x[i] && x[i]->flags & CT__REQUIRES_GRAD && ct__usable(x[i], "program_run");
    if (!graph || p->is_clone)
        return ct_program_run(p, x, n);
    ct_tensor **y = (void *)ct__scope_chars(cx, (size_t)p->f.results * sizeof *y);
    return y && call(&p->f, cx, x, n, y) ? y[0] : NULL;
}

/* -- What a plan is */
const char *ct_program_text(const ct_program *p)
{
    enum { ROOM = 2000 };
    if (!ct_object_alive(p, finish, "program_text"))
        return NULL;
    char *text = ct__scope_chars(p->cx, (size_t)ROOM * (size_t)(p->count + 1));
    size_t used = 0;
    if (!text)
        return NULL;
    text[0] = '\0';
    for (const ct__plan *plan = p->plans; plan; plan = plan->next)
        used += ct__plan_text(plan, text + used, ROOM - 1);
    if (used == 0)
        snprintf(text, ROOM, "nothing was noted yet\n");
    return text;
}
