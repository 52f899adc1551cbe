/* What a program calls in each run, as ct_optimizer_step: it is called while a listener writes down
 * what it would do, instead of its being done. */
#include <string.h>

#include "emission.h"
#include "listener.h"

typedef struct asking {
    ct__listener listener;
    ct__emission *e;
} asking;

static void refuse(ct__listener *l, const char *what)
{
    ct__emit_fail(((asking *)l)->e, CT_ERROR_UNSUPPORTED, "what is called in each run does more "
                  "than update: %.60s", what);
}

/* Are the attributes plain, or hold no address at least? */
static bool is_plain(const ct_op *op, const void *attributes)
{
    const size_t *at = op->addresses;
    for (; op->drop && at && *at < op->attributes_size; at++) {
        const void *address;
        memcpy(&address, (const char *)attributes + *at, sizeof address);
        if (address)
            return false;
    }
    return !op->drop || at;
}

static void ran(ct__listener *l, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx,
                const ct__kernel_list *list)
{
    ct__emission *e = ((asking *)l)->e;
    (void)gy, (void)list;
    if (gx || !(call->op->flags & CT_OP_UPDATE))
        refuse(l, call->op->name);
    else if (!is_plain(call->op, call->attributes))
        ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "'%.60s' has rates or decays for each parameter",
                      call->op->name);
    else
        ct__emit_call(e, call, NULL, NULL);
}

static void graded(ct__listener *l, ct_tensor *x, ct_tensor *g)
{
    if (g)
        refuse(l, "a gradient");
    for (ct__graded *at = ((asking *)l)->e->plan->graded; at; at = at->next)
        if (at->x == x)
            at->slot = NULL;
}

static void filled(ct__listener *l, ct__fill *fill, ct_tensor *y, ct_tensor *x,
                   const void *attributes, size_t bytes)
{
    (void)fill, (void)y, (void)x, (void)attributes, (void)bytes;
    refuse(l, "a tensor is filled");
}

static void made(ct__listener *l, ct_tensor *t)
{
    (void)t;
    refuse(l, "a tensor is made");
}

static void again(ct__listener *l, ct_status (*call)(void *user), void *user)
{
    (void)call, (void)user;
    refuse(l, "another such call");
}

static void streamed(ct__listener *l, bool back)
{
    (void)back;
    refuse(l, "checkpoint");
}

static void asked(ct__listener *l, ct_tensor *x)
{
    (void)l, (void)x;
}

static void retained(ct__listener *l, const ct_tensor *t, int by)
{
    (void)l, (void)t, (void)by;
}

/* Operators that update look at counts of steps, and whether they may write. */
static void other(ct__listener *l, const char *who)
{
    if (strcmp(who, "data") != 0 && strncmp(who, "update_", 7) != 0)
        refuse(l, who);
}

/* The variables have gradients meanwhile, over the memory of those of a run. */
void ct__emit_again(ct__emission *e, const ct__step *s)
{
    ct_context *cx = e->cx;
    asking l = { { ran, made, filled, asked, graded, retained, again, streamed, other }, e };
    bool recording = cx->recording;
    for (ct__graded *g = e->plan->graded; g && !e->failed; g = g->next) {
        ct__extra *extra = g->slot ? ct__extra_of(g->x) : NULL;
        ct_tensor *grad = extra ? ct__lend(cx, g->slot) : NULL;
        e->failed = g->slot && !grad;
        if (!grad)
            continue;
        grad->buffer->gradient = true;
        extra->grad = grad;
    }
    ct__listener *before = ct__listen(cx, &l.listener);
    cx->asked = e->asking = true;
    cx->recording = s->recording;
    ct_status status = e->failed ? CT_OK : s->again(s->user);
    cx->recording = recording;
    cx->asked = e->asking = false;
    ct__listen(cx, before);
    if (status != CT_OK)
        ct__emit_fail(e, CT_ERROR_CALLBACK, "what is called in each run failed");
    for (ct__graded *g = e->plan->graded; g; g = g->next)
        if (g->slot && g->x->extra && g->x->extra->grad) { /* it was not consumed */
            ct__unhandle(g->x->extra->grad);
            g->x->extra->grad = NULL;
        }
}
