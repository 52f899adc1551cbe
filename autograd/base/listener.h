/* Who wants to know what is computed in a context: a program, while it notes a first run. Nobody
 * listens while a kernel runs: what it reads and writes is its own affair. */
#ifndef COTANGENT_LISTENER_H
#define COTANGENT_LISTENER_H
#include "tensor.h"

enum { CT__PROGRAM = 1 << 24 }; /* what a program adds to `refs` or `handles`, to be told apart */

/* a flag of operators: the attributes begin with a tensor, and `forward` copies it to y */
enum { CT__OP_COPIES = 1 << 30 };

/* writes y: from x, from random draws, or from numbers of the caller's text */
typedef ct_status ct__fill(ct_tensor *y, ct_tensor *x, const void *attributes);

struct ct__listener {
    /* An operator ran, or would have: views do nothing. gx is NULL after a forward. `list`: what it
     * called ct_loop_kernel with, if it says CT_OP_KERNELS */
    void (*ran)(ct__listener *l, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx,
                const ct__kernel_list *list);
    void (*made)(ct__listener *l, ct_tensor *t); /* t has numbers that the caller's text gives */
    /* y was written by `fill`; x may be NULL */
    void (*filled)(ct__listener *l, ct__fill *fill, ct_tensor *y, ct_tensor *x,
                   const void *attributes, size_t bytes);
    /* x's gradient is looked at, or added to */
    void (*asked)(ct__listener *l, ct_tensor *x);
    /* g is x's gradient now; NULL: x has none */
    void (*graded)(ct__listener *l, ct_tensor *x, ct_tensor *g);
    void (*retained)(ct__listener *l, const ct_tensor *t, int by); /* by 1, or by -1: released */
    void (*again)(ct__listener *l, ct_status (*call)(void *user), void *user);
    /* the random stream may come back to where it is; `back`: it has */
    void (*streamed)(ct__listener *l, bool back);
    /* the call `who` told the caller something about values, or did what cannot be noted */
    void (*other)(ct__listener *l, const char *who);
};

/* From now on l listens, or nobody if it is NULL. Returns who did before. */
static inline ct__listener *ct__listen(ct_context *cx, ct__listener *l)
{
    ct__listener *before = cx->listener;
    cx->listener = l;
    cx->watched = l || cx->find_nonfinite;
    cx->marks = (ct__buffer){ .heard = l != NULL }.marks;
    return before;
}

static inline void ct__tell(const ct_context *cx, const char *who)
{
    if (cx && cx->listener)
        cx->listener->other(cx->listener, who);
}

/* fill(y, x, attributes), while nobody listens, and then they are told */
static inline ct_status ct__filled(ct__fill *fill, ct_tensor *y, ct_tensor *x,
                                   const void *attributes, size_t bytes)
{
    ct__listener *l = ct__listen(y->cx, NULL);
    ct_status status = y->cx->asked ? CT_OK : fill(y, x, attributes);
    ct__listen(y->cx, l);
    if (l && status == CT_OK)
        l->filled(l, fill, y, x, attributes, bytes);
    else if (l)
        ct__tell(y->cx, "a call that failed");
    return status;
}

static inline ct_tensor *ct__tell_made(ct_tensor *t) /* NULL passes through */
{
    if (t && t->cx->listener)
        t->cx->listener->made(t->cx->listener, t);
    return t;
}

static inline void ct__tell_graded(ct_tensor *x, ct_tensor *g)
{
    if (x->cx->listener)
        x->cx->listener->graded(x->cx->listener, x, g);
}

static inline void ct__tell_asked(const ct_tensor *x)
{
    if (x->cx->listener)
        x->cx->listener->asked(x->cx->listener, (ct_tensor *)(uintptr_t)x);
}

static inline void ct__tell_stream(const ct_context *cx, bool back)
{
    if (cx->listener)
        cx->listener->streamed(cx->listener, back);
}

static inline void ct__tell_retained(const ct_tensor *x, int by)
{
    if (x->cx->listener)
        x->cx->listener->retained(x->cx->listener, x, by);
}

/* A tensor that programs read by themselves was released, or is something else now: they look. */
static inline void ct__tell_changed(const ct_tensor *x)
{
    if (x->buffer && x->buffer->refs >= CT__PROGRAM) {
        x->buffer->changed = true;
        x->cx->changes++;
    }
}
#endif
