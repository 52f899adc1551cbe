/* What the files of autograd/ share: the context, the tensor, and who keeps what alive.
 *
 * A tensor is one object: handle, view and vertex of the graph. What an operator recorded lies
 * behind the fixed part, in this order: shape, strides, inputs, their versions, attributes. The
 * buffer lies before the tensor that it was made with, in one block, which goes with the last of
 * the two; data that are not tiny are a block of their own.
 *
 *   handles  the scope, retains, the engine, a leaf's gradient: keep data and vertex
 *   holds    edges of later vertices: keep the vertex
 *   saves    rules that will read the data: keep the buffer
 *
 * The buffer goes when handles + saves = 0, the vertex when handles + holds = 0. A save by another
 * vertex comes with a hold. A vertex that saves its own output counts a save only, so there is no
 * cycle: edges point to what was made earlier, and freeing ends. */
#ifndef COTANGENT_NODE_H
#define COTANGENT_NODE_H
#include <string.h>

#include <cotangent/autograd.h>
#include <cotangent/op.h>

#if defined(__GNUC__)
#define CT__COLD   __attribute__((cold))
#define CT__APART  __attribute__((noinline)) /* seldom called: its caller shall not pay for it */
#define CT__INLINE inline __attribute__((always_inline)) /* on every operator's way */
#else
#define CT__COLD
#define CT__APART
#define CT__INLINE inline
#endif
/* what failing calls alone come by: kept out of the others' way */
CT__COLD ct_status ct_fail(ct_context *cx, ct_status code, const char *format, ...);
CT__COLD ct_status ct_call_fail(const ct_call *call, ct_status code, const char *format, ...);

enum {
    CT__REQUIRES_GRAD = 1, /* a variable, or depends on one */
    CT__IN_SCOPE = 2,      /* one of the handles is a scope's */
    CT__READ_ONLY = 4,
    CT__CONTIGUOUS = 8,
    CT__SAVES_SELF = 16,   /* its operator saves the output: there is a version of its own data */
    CT__ZERO = 32,         /* from ct_call_zero: known to be zero */
    CT__IN_WALK = 64,      /* a walk needs it and has not finished it */
    CT__QUEUED = 128,      /* on that walk's stack */
    CT__TARGET = 256,      /* ct_grad wants its cotangent */
    CT__HIDDEN = 512,      /* the vertex behind several outputs: no data */
    CT__MADE_BUFFER = 1024, /* there is a buffer before it */
    CT__DEAD = 0x8000      /* freed: whoever shows it, uses a stale handle */
};

typedef struct ct__borrow {
    void (*release)(void *data, void *user);
    void *user;
} ct__borrow;

typedef struct ct__buffer {
    uint32_t refs, version;
    void *data;         /* aligned to 64 bytes; tiny data lie in `tiny` */
    int64_t bytes;
    const char *writer; /* who wrote last in place, for messages */
    ct__borrow *borrow; /* the memory is the caller's */
    bool read_only;
    bool gradient;      /* commit writes here: a cotangent must not share it */
    bool orphan;        /* its tensor is gone */
    uint32_t block;     /* bytes of the block that the two are in */
    _Alignas(16) char tiny[16];
} ct__buffer;

typedef struct ct__hook {
    ct_hook call;
    void *user;
    struct ct__hook *next;
} ct__hook;

/* what few tensors have */
typedef struct ct__extra {
    char *name;
    ct_tensor *grad;
    ct__hook *hooks;
    int aux_count, outputs;
    ct_tensor *aux[8];        /* auxiliaries: held and saved */
    ct_tensor *kept[8];       /* a hidden vertex' saved outputs, as leaves over the same data */
    uint32_t kept_version[8]; /* ... and of their data when saved */
    ct_tensor *slots[8];      /* the cotangents of its outputs, in a walk */
} ct__extra;

struct ct_tensor {
    ct_context *cx;
    int64_t count;
    ct_tensor *next, **prev; /* in the scope's list, or the context's of kept ones */
    /* a new tensor's are 0 from here ... */
    ct__buffer *buffer;      /* NULL once nobody can read the data */
    char *data;              /* the first element */
    ct_tensor *cotangent;    /* in a walk */
    ct__extra *extra;
    uint32_t handles, holds, saves, retains;
    uint32_t pending; /* in a walk: uses still to come; before that, the next edge to look at */
    uint32_t mark;    /* the last walk that came by */
    const ct_op *op;         /* NULL: a leaf */
    /* ... to here */
    ct_tensor *link;         /* on a walk's stack */
    uint8_t dtype, ndim;
    uint16_t flags;
    uint32_t input_count;
    int64_t dims[]; /* shape, strides; then inputs, versions, attributes */
};

static inline int64_t *ct__shape(const ct_tensor *t)
{
    return (int64_t *)(uintptr_t)t->dims;
}

static inline int64_t *ct__strides(const ct_tensor *t)
{
    return ct__shape(t) + t->ndim;
}

/* set once it is recorded: with CT__REQUIRES_GRAD */
static inline ct_tensor **ct__inputs(const ct_tensor *t)
{
    return (ct_tensor **)(void *)(ct__shape(t) + 2 * t->ndim);
}

/* of the data of input i when it was saved; the last one of the vertex' own */
static inline uint32_t *ct__versions(const ct_tensor *t)
{
    return (uint32_t *)(void *)(ct__inputs(t) + t->input_count);
}

static inline size_t ct__input_bytes(size_t inputs)
{
    size_t bytes = inputs * sizeof(ct_tensor *) + (inputs + 1) * sizeof(uint32_t);
    return inputs ? (bytes + 15) / 16 * 16 : 0;
}

static inline void *ct__attributes(const ct_tensor *t)
{
    return (char *)ct__inputs(t) + ct__input_bytes(t->input_count);
}

/* do the rules of op read input i? */
static inline bool ct__saves_x(const ct_op *op, uint32_t i)
{
    return i < 16 ? op->saves >> i & 1 : (op->saves & CT_SAVE_ALL_X) == CT_SAVE_ALL_X;
}

typedef struct ct__text {
    struct ct__text *next;
    size_t bytes;
    char text[];
} ct__text;

typedef struct ct__scope {
    struct ct__scope *outer;
    ct_scope id;          /* 0: the engine's own, round a callback; no user's scope lies beyond */
    ct_tensor *tensors;
    ct__text *texts;
    bool fence;                /* round a callback, which ends no scope beyond it */
    bool recording, inference; /* as found when it began */
} ct__scope;

typedef struct ct__object ct__object; /* memory.c */
typedef struct ct__slab ct__slab;
typedef struct ct__threads ct__threads; /* parallel.c */

enum { CT__SMALL = 1024, CT__STEP = 32, CT__SMALL_CLASSES = CT__SMALL / CT__STEP,
       CT__CLASSES = CT__SMALL_CLASSES + 8 * 53 };

typedef struct ct__pool {
    bool off;
    int64_t held, most;                   /* bytes from the allocator; unused ones to be kept */
    void *free[CT__CLASSES];              /* threaded through the blocks */
    ct__slab *newest[CT__SMALL_CLASSES], *slabs;
} ct__pool;

struct ct_context {
    ct_context_options options;
    ct__pool pool;
    ct_memory memory;
    ct_status error;
    char error_text[512];
    bool recording, inference, find_nonfinite;
    ct_simd simd;
    const char *writer; /* the operator or call that writes now */
    ct__scope root, *scope;
    uint64_t scope_serial;
    ct_tensor *kept;    /* with handles, but in no scope */
    ct__object *objects;
    uint64_t seed, draws;
    uint32_t walks;
    ct__threads *threads;
};

#include "life.h"

/* -- write.c */
void ct__copy_out(void *y, const ct_tensor *x); /* row-major */
/* may x be written now? then its version is bumped */
ct_status ct__begin_write(ct_tensor *x, const char *who);
/* the checks of x <- value (dtype, shape, context, may x be written); *ready: value, or a copy of
   it where it may overlap x, in the scope */
ct_status ct__writable_from(ct_tensor *x, ct_tensor *value, const char *who, ct_tensor **ready);
void ct__add_into(ct_tensor *y, const ct_tensor *x); /* y += x, one float dtype and shape */
ct_tensor *ct__contiguous(ct_tensor *x);              /* an unrecorded copy; the scope's */
bool ct__all_finite(const ct_tensor *x);
double ct__load(const void *p, ct_dtype dtype);
bool ct__store(void *p, ct_dtype dtype, double value); /* false: an i64 cannot hold it */

/* -- apply.c: y0 is all inputs broadcast together, of x0's dtype */
ct_status ct__set_y_broadcast(ct_call *call);

/* -- random.c */
uint64_t ct__draw(ct_context *cx, int64_t n); /* n draws from the stream: the first one's number */

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

/* -- loop.c */
enum { CT__GRAIN = 32768 }; /* elements of a thread's range: 10 us of the cheapest kernel */
/* ct_loop over what is not tensors: operand 0 is written, the others are read */
void ct__loop_shared(ct_context *cx, const int64_t *shape, int ndim, const ct_operand *operands,
                     int n, ct_loop_body body, const void *arg);
/* n elements of `size` bytes, side by side, from ones `stride` bytes apart; where it is inlined,
   `size` is a constant */
static inline void ct__copy_row(char *to, const char *from, int64_t n, int64_t stride, size_t size)
{
    char one[8];
    if (stride == (int64_t)size) {
        memcpy(to, from, (size_t)n * size);
    } else if (stride == 0) { /* apart, since what is read again for each cannot be a vector */
        memcpy(one, from, size);
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * (int64_t)size, one, size);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * (int64_t)size, from + i * stride, size);
    }
}
/* the shortest loop: where the operands are contiguous, of one shape and not too many, their count,
   and data[k] is operand k's first element; else -1 */
static inline int64_t ct__flat(ct_tensor *const *operands, int n, void **data)
{
    const ct_tensor *first = operands[0];
    int64_t count = first->count;
    for (int k = 0; k < n; k++) {
        const ct_tensor *t = operands[k];
        data[k] = t->data;
        if (!(t->flags & CT__CONTIGUOUS) || (t != first && !ct__same_shape(t, first)))
            return -1;
    }
    return count <= CT__GRAIN ? count : -1;
}

/* -- parallel.c */
void ct__threads_free(ct_context *cx);
#endif
