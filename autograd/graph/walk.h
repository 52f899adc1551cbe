/* The walk backward: what walk.c, rule.c and those who start a walk share. */
#ifndef COTANGENT_WALK_H
#define COTANGENT_WALK_H
#include "graph.h"

/* Who looks on. Then every gx has a tensor of its own, which nothing is added to before `brought`
 * has seen it, and hooks are not called. Both run in the engine's scope. */
typedef struct ct__watch {
    /* t's cotangent is complete */
    ct_status (*complete)(struct ct__watch *watch, const ct_tensor *t);
    /* t's rule brings g to its input i */
    ct_status (*brought)(struct ct__watch *watch, const ct_tensor *t, int i, const ct_tensor *g);
} ct__watch;

typedef struct ct__walk {
    ct_context *cx;
    const char *who;   /* the call that walks, for messages */
    uint32_t mark;     /* the number of this walk, which its vertices carry */
    bool leaves;       /* every variable is a target (ct_backward); else those flagged CT__TARGET */
    bool create_graph; /* rules are recorded */
    bool reuses;       /* kernels may write gx where gy was; then nothing is recorded */
    bool ends;         /* a vertex that is no leaf has no needed input: ct_constant made it so */
    bool stops;        /* where another walk is under way it ends, instead of failing */
    int64_t batch;     /* how many cotangents it carries at once, with an axis for them in front;
                          0: one, without such an axis */
    ct__watch *watch;  /* or NULL */
    ct_tensor *ready;  /* a stack, through `link`: vertices whose cotangent is complete */
    ct_tensor *done;   /* a list, through `link`: targets that were reached */
} ct__walk;

/* Is t needed by this walk, and not finished yet? */
static inline bool ct__needs(const ct__walk *w, const ct_tensor *t)
{
    return t->flags & CT__IN_WALK && t->mark == w->mark;
}

/* The engine's scope round a rule or a hook, and the modes there. */
typedef struct ct__frame {
    ct__scope scope;
    const char *writer;
} ct__frame;

static inline void ct__enter(const ct__walk *w, ct__frame *f, bool record)
{
    ct__scope_push(w->cx, &f->scope);
    f->writer = w->cx->writer;
    w->cx->recording = record;
}

static inline void ct__leave(const ct__walk *w, ct__frame *f)
{
    w->cx->writer = f->writer;
    ct__scope_pop(w->cx, &f->scope);
}

/* -- walk.c. A walk is begun, discovers, reverses, and is ended; it is ended in any case */
ct__walk ct__walk_begin(ct_tensor *y, const char *who);
ct_status ct__discover(ct__walk *w, ct_tensor *y);
CT__COLD ct_status ct__refuse_cut(const ct__walk *w); /* the error that it meets such a vertex */
/* Starts from gy, or from one if gy is NULL. Afterwards each target t on the list `done` has its
 * cotangent in t->cotangent. */
ct_status ct__reverse(ct__walk *w, ct_tensor *y, ct_tensor *gy);
void ct__walk_end(ct__walk *w, ct_tensor *y);

/* -- rule.c: makes the call that t's rules see; an error if what they read was written since */
ct_status ct__see(const ct__walk *w, ct_call *call, ct_tensor *t);
/* the error that a vjp gave no cotangent for input i, or the one that is pending and says why */
CT__COLD ct_status ct__no_cotangent(const ct_call *call, int i);
/* applies t's rule, and adds what it gives to the cotangents of t's inputs. `call` is
 * room that a walk uses again and again */
ct_status ct__reverse_vertex(ct__walk *w, ct_call *call, ct_tensor *t);

/* -- saves.c: what a rule reads must not have been written since it was saved */
/* The error that x, which t's operator saved, was written since. */
CT__COLD ct_status ct__written_since(const ct__walk *w, const ct_tensor *t, const ct_tensor *x);

/* -- accumulate.c */
/* Can nobody but us see g? Then it may be added to in place. */
static inline bool ct__exclusive(const ct_tensor *g)
{
    return g->handles == 1 && g->holds == 0 && g->saves == 0 && g->retains == 0 &&
           g->buffer->refs == 1 && !g->buffer->borrow && g->flags & CT__CONTIGUOUS &&
           !(g->flags & (CT__READ_ONLY | CT__REQUIRES_GRAD | CT__IN_SCOPE));
}
/* *slot += g. It takes over our handle on g, on failure too. */
ct_status ct__accumulate(ct__walk *w, ct_tensor **slot, ct_tensor *g);

/* -- outputs.c: the outputs of a vertex, as its rule sees them, and their cotangents */
/* of a vertex that has auxiliaries or is hidden */
ct_status ct__see_more(const ct__walk *w, ct_call *call, ct_tensor *t);
static inline ct_status ct__see_outputs(const ct__walk *w, ct_call *call, ct_tensor *t)
{
    call->outputs = 1;
    call->y[0] = t;
    call->aux_count = 0;
    return t->extra ? ct__see_more(w, call, t) : CT_OK;
}
static inline ct_tensor *const *ct__cotangents_of(ct_tensor *t)
{
    return t->flags & CT__HIDDEN ? t->extra->slots : &t->cotangent;
}
bool ct__has_cotangent(ct_tensor *t);
ct_status ct__fill_slot(ct__walk *w, ct_tensor *t);
void ct__drop_cotangents(ct_tensor *t);

/* -- backward.c: ct_grad, where a NULL gy means one even while an error is pending, and gx has
 * room for the results */
typedef struct ct__how {
    const char *who; /* the call that the user made, for messages */
    unsigned flags;  /* of ct_grad, and of these */
} ct__how;
enum {
    CT__STOPS = 1 << 16,  /* the walk `stops` */
    CT__BATCH = 1 << 17   /* gy is a batch, which ct__batch_limit allows, and so are the gx;
                             without CT_CREATE_GRAPH and CT_ZERO_PATH */
};
ct_status ct__grad_as(const ct__how *how, ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n,
                      ct_tensor **gx);
static inline ct_status ct__grad(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n,
                                 unsigned flags, ct_tensor **gx)
{
    return ct__grad_as(&(ct__how){ "grad", flags }, y, gy, x, n, gx);
}

/* A walk from gy, or from one if it is NULL, to all variables. It changes no gradient. */
ct_status ct__watch_backward(const char *who, ct_tensor *y, ct_tensor *gy, ct__watch *watch);

/* -- batch.c: several cotangents in one walk */
/* How many a walk from y to x can carry at once, so that no tensor in it gets more than 2^18
 * elements; 0: not even two, or a rule or a hook on the way takes only one. */
int64_t ct__batch_limit(const char *who, ct_tensor *y, ct_tensor *x);

/* -- tangent.c: forward mode. ty[k] = sum over i of dy[k]/dx[i] v[i], for m results y of one
 * context. v[i] fits x[i], or is NULL. The scope gets the results. On failure all are NULL */
typedef struct ct__along {
    ct_tensor *const *x, *const *v;
    int n;
} ct__along;
ct_status ct__tangents(const ct__how *how, ct_tensor *const *y, int m, const ct__along *along,
                       ct_tensor **ty);
#endif
