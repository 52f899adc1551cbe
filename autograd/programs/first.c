/* A run that is eager: f is called, and if it is a first run a plan listens. Results and arguments
 * are what they are in a replay. */
#include <string.h>

#include "programs.h"

/* What f gets for x: a constant over x's data with a buffer of its own, so that it is known from
 * all others over these data; or x, if it is a variable. */
static ct_tensor *stand_in(ct_tensor *x)
{
    if (x->flags & CT__REQUIRES_GRAD && !x->op)
        return x;
    ct__borrow *borrow = ct__take(x->cx, sizeof *borrow);
    ct_tensor *t = !borrow ? NULL
                           : ct__tensor_around(x->cx, &(ct__layout){ .dtype = x->dtype,
                                                   .ndim = x->ndim, .shape = ct__shape(x),
                                                   .strides = ct__strides(x) }, x->data);
    if (!t) {
        ct__give_back(x->cx, borrow, sizeof *borrow);
        return NULL;
    }
    *borrow = (ct__borrow){ 0 };
    t->buffer->borrow = borrow;
    t->buffer->read_only = x->buffer->read_only;
    t->flags |= x->flags & CT__READ_ONLY;
    return ct__to_scope(t);
}

/* a leaf over y's data: over those of the caller's x where y is over a stand-in */
static ct_tensor *result_of(ct_tensor *y, ct_tensor *const *x, ct_tensor *const *in, int n)
{
    ct_tensor *t = ct__alias(y);
    for (int i = 0; t && i < n; i++)
        if (in[i] != x[i] && in[i]->buffer == y->buffer) {
            t->buffer->refs--;
            t->buffer = x[i]->buffer;
            t->buffer->refs++;
            break;
        }
    if (t) {
        t->flags |= y->flags & CT__REQUIRES_GRAD;
        ct__handle(t);
    }
    return t;
}

static bool is_result(ct_context *cx, const ct_tensor *y)
{
    if (!y && ct_error(cx) == CT_OK)
        ct_fail(cx, CT_ERROR_CALLBACK, "program: the function failed without saying why");
    if (y && y->cx != cx)
        ct_fail(cx, CT_ERROR_CONTEXT, "program: the result is of another context");
    return y && y->cx == cx && ct__usable(y, "program");
}

static bool call(ct_context *cx, const ct__source *f, ct_tensor *const *x, int n, ct_tensor **y)
{
    if (f->one)
        y[0] = f->one(cx, x, n, f->user);
    bool good = f->one || f->all(cx, x, n, y, f->user) == CT_OK;
    for (int i = 0; i < f->results && (good || i == 0); i++)
        good = is_result(cx, good ? y[i] : NULL);
    return good;
}

/* y gets a handle of ours on each result */
static bool run(ct_context *cx, const ct__source *f, ct_tensor *const *x, int n, ct__plan *p,
                ct_tensor **y)
{
    ct__noting note = ct__noting_begin(p);
    ct_tensor **in = (void *)ct__scope_chars(cx, (size_t)(n + 1) * sizeof *in);
    for (int i = 0; in && i < n; i++)
        if (!(in[i] = stand_in(x[i])))
            return false;
    ct_tensor **own = (void *)ct__scope_chars(cx, (size_t)f->results * sizeof *own);
    if (!in || !own)
        return false;
    memset(own, 0, (size_t)f->results * sizeof *own);
    ct__listener *listener = p ? &note.listener : NULL;
    if (p && p->twins && !(listener = ct__fan_new(cx, &note)))
        return false;
    for (ct__plan *each = p; each; each = each->twins)
        ct__note_arguments(each, x, in, n);
    ct__scope inner;
    ct__scope_push(cx, &inner);
    ct__listen(cx, listener);
    bool good = call(cx, f, in, n, own);
    ct__listen(cx, NULL);
    for (ct__plan *each = p; each; each = each->twins)
        if (!each->failed && note.retained != 0)
            ct__stay_eager(each, "retain");
    for (int i = 0; i < n; i++) /* what f wrote there, it wrote to the caller's */
        if (in[i] != x[i])
            x[i]->buffer->version += in[i]->buffer->version;
    for (ct__plan *each = good ? p : NULL; each; each = each->twins)
        if (!each->failed && !each->why[0])
            ct__note_results(each, own, f->results);
    for (int i = 0; i < f->results && good; i++) {
        own[i]->buffer->heard = false; /* it lives on, as any other */
        good = (y[i] = result_of(own[i], x, in, n)) != NULL;
    }
    ct__scope_pop(cx, &inner);
    return good;
}

/* a gradient, as any other tensor */
static void lives_on(const ct__plan *p, ct__buffer *buffer)
{
    ct__slot *s = p->failed || p->why[0] ? NULL : ct__slot_known(p, buffer);
    if (s)
        s->kept = true;
    buffer->heard = false;
}

bool ct__program_eager(ct_context *cx, const ct__source *f, ct_tensor *const *x, int n,
                       ct__plan *p, ct_tensor **y)
{
    ct__scope scope;
    ct__scope_push(cx, &scope);
    memset(y, 0, (size_t)f->results * sizeof *y);
    bool good = run(cx, f, x, n, p, y);
    ct__scope_pop(cx, &scope);
    if (!good)
        return ct__hand_results(y, f->results, false);
    for (ct__graded *g = p ? p->graded : NULL; g; g = g->next)
        if (g->x->handles % CT__PROGRAM == 0)
            ct__stay_eager(p, "a gradient of a variable that was made in the run");
        else if (g->x->extra && g->x->extra->grad)
            lives_on(p, g->x->extra->grad->buffer);
    for (ct__plan *each = p; each; each = each->twins)
        if (!each->failed && !each->why[0])
            ct__plan_finish(each);
    return ct__hand_results(y, f->results, true);
}
