/* Clones: a program notes one plan more for each of its clones, in the clone's context, with an
 * arena of its own. What the plan leads to of the program's context is the data of leaves alone:
 * so a clone's replay shares nothing that is written. */
#include <string.h>

#include "programs.h"

/* -- One listener for several plans */
typedef struct fan {
    ct__listener listener;
    ct__noting **to; /* the first is the program's own */
    int n;
} fan;

static void ran(ct__listener *l, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx,
                const ct__kernel_list *list)
{
    fan *f = (fan *)l;
    for (int i = 0; i < f->n; i++)
        f->to[i]->listener.ran(&f->to[i]->listener, call, gy, gx, list);
}

static void made(ct__listener *l, ct_tensor *t)
{
    fan *f = (fan *)l;
    for (int i = 0; i < f->n; i++)
        f->to[i]->listener.made(&f->to[i]->listener, t);
}

static void filled(ct__listener *l, ct__fill *fill, ct_tensor *y, ct_tensor *x,
                   const void *attributes, size_t bytes)
{
    fan *f = (fan *)l;
    for (int i = 0; i < f->n; i++)
        f->to[i]->listener.filled(&f->to[i]->listener, fill, y, x, attributes, bytes);
}

/* A gradient is the program's, and so is an optimizer. */
static void refuse(const fan *f, const char *why)
{
    for (int i = 1; i < f->n; i++)
        ct__stay_eager(f->to[i]->plan, why);
}

static void asked(ct__listener *l, ct_tensor *x)
{
    fan *f = (fan *)l;
    refuse(f, "it looks at a gradient");
    f->to[0]->listener.asked(&f->to[0]->listener, x);
}

static void graded(ct__listener *l, ct_tensor *x, ct_tensor *g)
{
    fan *f = (fan *)l;
    refuse(f, "it sets a gradient");
    f->to[0]->listener.graded(&f->to[0]->listener, x, g);
}

static void again(ct__listener *l, ct_status (*call)(void *user), void *user)
{
    fan *f = (fan *)l;
    refuse(f, "it steps an optimizer");
    f->to[0]->listener.again(&f->to[0]->listener, call, user);
}

static void retained(ct__listener *l, const ct_tensor *t, int by)
{
    fan *f = (fan *)l;
    for (int i = 0; i < f->n; i++)
        f->to[i]->listener.retained(&f->to[i]->listener, t, by);
}

static void streamed(ct__listener *l, bool back)
{
    fan *f = (fan *)l;
    for (int i = 0; i < f->n; i++)
        f->to[i]->listener.streamed(&f->to[i]->listener, back);
}

static void other(ct__listener *l, const char *who)
{
    fan *f = (fan *)l;
    for (int i = 0; i < f->n; i++)
        ct__stay_eager(f->to[i]->plan, who);
}

ct__listener *ct__fan_new(ct_context *cx, ct__noting *own)
{
    int n = 1;
    for (const ct__plan *twin = own->plan->twins; twin; twin = twin->twins)
        n++;
    fan *f = (void *)ct__scope_chars(cx, sizeof *f);
    ct__noting **to = (void *)ct__scope_chars(cx, (size_t)n * sizeof *to);
    ct__noting *others = (void *)ct__scope_chars(cx, (size_t)n * sizeof *others);
    if (!f || !to || !others)
        return NULL;
    *f = (fan){ { ran, made, filled, asked, graded, retained, again, streamed, other }, to, n };
    *to++ = own;
    for (ct__plan *twin = own->plan->twins; twin; twin = twin->twins, others++) {
        *others = ct__noting_begin(twin);
        *to++ = others;
    }
    return &f->listener;
}

/* -- Plans of clones */
void ct__twins_new(const ct_program *p, ct__plan *plan, ct_tensor *const *x, int n)
{
    for (ct_program *c = p->clones; c; c = c->next_clone) {
        ct__plan *twin = c->count < p->options.plans ? ct__plan_new(c->cx, x, n) : NULL;
        if (!twin)
            continue;
        twin->from = p->cx;
        twin->origin = plan;
        twin->clone = c;
        twin->recording = plan->recording;
        twin->inference = plan->inference;
        for (int i = 0; twin->same && i < n; i++)
            if (twin->same[i])
                ct__stay_eager(twin, "a variable is an argument");
        twin->twins = plan->twins;
        plan->twins = twin;
    }
}

/* What lives in the program's context is only read. */
static void check(ct__plan *twin)
{
    for (int i = 0; i < twin->outer_count; i++)
        if (twin->outer[i]->kind == CT__LEAF && twin->outer[i]->written)
            ct__stay_eager(twin, "it writes to a tensor that it reaches by itself");
    for (int i = 0; i < twin->result_count && !twin->failed; i++) {
        const ct__slot *s = ct__place_of(twin->results[i])->slot;
        if (s->kind == CT__LEAF)
            ct__stay_eager(twin, "a result is a tensor that it reaches by itself");
    }
}

void ct__twins_keep(ct__plan *plan, bool good)
{
    for (ct__plan *twin; (twin = plan->twins);) {
        plan->twins = twin->twins;
        ct_program *c = twin->clone;
        if (!good || twin->failed) {
            ct__plan_free(twin);
            continue;
        }
        check(twin);
        twin->twins = NULL;
        twin->next = c->plans;
        c->plans = twin;
        c->count++;
    }
}

void ct__twins_drop(const ct_program *p, const ct__plan *plan)
{
    for (ct_program *c = p->clones; c; c = c->next_clone)
        for (ct__plan **at = &c->plans, *twin; (twin = *at);) {
            if (plan && twin->origin != plan) {
                at = &twin->next;
                continue;
            }
            *at = twin->next;
            c->count--;
            ct__plan_free(twin);
        }
}

void ct__clones_leave(ct_program *p)
{
    ct__twins_drop(p, NULL);
    for (ct_program *c; (c = p->clones);) {
        p->clones = c->next_clone;
        c->of = NULL;
    }
    for (ct_program **at = p->of ? &p->of->clones : NULL; at && *at;)
        if (*at == p)
            *at = p->next_clone;
        else
            at = &(*at)->next_clone;
}

const char *ct__clone_refuses(const ct_program *c, const ct__plan *plan)
{
    return !c->of            ? "the program that it is of is gone"
           : c->cx->listener ? "another program notes"
           : !plan           ? "its program has noted no run like this since it was made"
           : plan->why[0]    ? plan->why
                             : NULL;
}
