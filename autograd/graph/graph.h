/* The graph: applying operators, recording them, and the walk backward. */
#ifndef COTANGENT_GRAPH_H
#define COTANGENT_GRAPH_H
#include "tensors.h"

CT__COLD ct_status ct_call_fail(const ct_call *call, ct_status code, const char *format, ...);

/* -- apply.c */
struct ct_call {
    ct_context *cx;
    const ct_op *op;
    const void *attributes;
    ct_tensor *const *x; /* as the callbacks see them */
    int n, outputs, aux_count;
    bool recording, moved; /* moved: a vertex has the attributes now, and will drop them */
    uint64_t adds;         /* bit i */
    ct_tensor *vertex;     /* in a walk */
    ct_tensor *y[8], *aux[8];
};
/* inputs made contiguous where the operator asks for it; the array is in the scope's memory */
ct_tensor *const *ct__make_contiguous(ct_context *cx, ct_tensor *const *x, int n);
static inline ct_tensor *const *ct__contiguous_all(ct_context *cx, ct_tensor *const *x, int n)
{
    for (int i = 0; i < n; i++)
        if (x[i] && !(x[i]->flags & CT__CONTIGUOUS) && x[i]->buffer)
            return ct__make_contiguous(cx, x, n);
    return x;
}
/* passes the status of a callback on; one that failed without an error gets one */
CT__COLD ct_status ct__said_nothing(const ct_call *call, ct_status status, const char *callback);
static inline ct_status ct__said(const ct_call *call, ct_status status, const char *callback)
{
    return status == CT_OK ? status : ct__said_nothing(call, status, callback);
}
static inline bool ct__wants(const ct_call *call, int i)
{
    const ct_tensor *x = call->x[i];
    return x->flags & CT__IN_WALK && x->mark == call->vertex->mark;
}
extern const ct_op ct__output_op; /* one of several outputs: its input is the hidden vertex */

/* -- arithmetic.c */
void ct__add_into(ct_tensor *y, const ct_tensor *x); /* y += x, one float dtype and shape */

/* y0 is all inputs broadcast together, of x0's dtype */
ct_status ct__set_y_broadcast(ct_call *call);

/* -- walk.c, rule.c: the walk backward */
typedef struct ct__walk {
    ct_context *cx;
    const char *who;
    uint32_t mark;
    bool leaves; /* every variable is a target (ct_backward); else those flagged */
    bool create_graph;
    ct_tensor *ready; /* stack, through link */
    ct_tensor *done;  /* targets reached, through link: they stay in the walk to its end */
} ct__walk;

static inline bool ct__needs(const ct__walk *w, const ct_tensor *t)
{
    return t->flags & CT__IN_WALK && t->mark == w->mark;
}

ct__walk ct__walk_begin(ct_tensor *y, const char *who);
ct_status ct__discover(ct__walk *w, ct_tensor *y);
/* from gy, or one; then each target t on the list `done` has its cotangent in t->cotangent */
ct_status ct__reverse(ct__walk *w, ct_tensor *y, ct_tensor *gy);
void ct__walk_end(ct__walk *w, ct_tensor *y); /* in any case */
/* nobody else can see g, so it may be added to in place */
bool ct__exclusive(const ct_tensor *g);
/* apply t's rule, and add what it gives to its inputs' cotangents; `call` is room for it */
ct_status ct__reverse_vertex(ct__walk *w, ct_call *call, ct_tensor *t);
/* ct_grad, where gy NULL is one even while an error is pending, and gx has room */
ct_status ct__grad(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n, unsigned flags,
                   ct_tensor **gx);
/* the engine's scope round a rule or a hook, and its modes there */
typedef struct ct__frame {
    ct__scope scope;
    const char *writer;
} ct__frame;
void ct__enter(const ct__walk *w, ct__frame *f, bool record);
void ct__leave(const ct__walk *w, ct__frame *f);
#endif
