/* The tensor from the inside, and who keeps what alive.
 *
 * A tensor is one object: handle, view and vertex of the graph. Behind its fixed part lie the
 * shape, the strides and, if an operator was recorded, inputs, their versions and attributes. A
 * tensor that was made with a buffer has it in front, in the same block, which is freed with the
 * later of the two. Data that are not tiny have a block of their own.
 *
 *   handles  the scope, retains, the engine, a leaf's gradient: keep data and vertex
 *   holds    edges of later vertices: keep the vertex
 *   saves    rules that will read the data: keep the buffer
 *
 * The buffer goes when handles + saves = 0, the vertex when handles + holds = 0. A save by another
 * vertex comes with a hold. A vertex that saves its own output counts a save only, so there is no
 * cycle: edges point to what was made earlier, and freeing ends. */
#ifndef COTANGENT_BASE_TENSOR_H
#define COTANGENT_BASE_TENSOR_H
#include "memory.h"
#include "shape.h"

enum {
    CT__REQUIRES_GRAD = 1, /* it is a variable or depends on one */
    CT__IN_SCOPE = 2,      /* a scope has one of the handles */
    CT__READ_ONLY = 4,
    CT__CONTIGUOUS = 8,
    CT__SAVES_SELF = 16,   /* its operator saves the output, so its own data have a version here */
    CT__ZERO = 32,         /* it was made by ct_call_zero and is known to be zero */
    CT__IN_WALK = 64,      /* a walk needs it and has not finished it */
    CT__QUEUED = 128,      /* it is on that walk's stack */
    CT__TARGET = 256,      /* ct_grad wants its cotangent */
    CT__HIDDEN = 512,      /* it is the vertex behind several outputs, and has no data */
    CT__MADE_BUFFER = 1024, /* a buffer lies in front of it, in the same block */
    CT__DEAD = 0x8000      /* it is being freed or was freed: only a stale handle leads here */
};

typedef struct ct__borrow {
    void (*release)(void *data, void *user);
    void *user;
} ct__borrow;

typedef struct ct__buffer {
    uint32_t refs, version;
    void *data;         /* aligned to 64 bytes, except for tiny data, which are in `tiny` */
    int64_t bytes;
    const char *writer; /* the call that wrote last in place, for messages */
    ct__borrow *borrow; /* not NULL: the memory belongs to the user */
    union {
        struct {
            bool read_only : 1;
            bool gradient : 1; /* ct_backward adds to it, so a cotangent must not share it */
            bool orphan : 1;   /* the tensor that it was made with is gone */
            bool heard : 1;    /* it was made while somebody listened */
            bool changed : 1;  /* a program reads it, and a tensor over it was released */
            uint32_t noted : 27; /* the listener's number for it */
        };
        uint32_t marks; /* all of these */
    };
    uint32_t block;     /* the size in bytes of the block that it shares with that tensor */
    _Alignas(16) char tiny[16];
} ct__buffer;

typedef struct ct__hook {
    ct_hook call;
    void *user;
    struct ct__hook *next;
} ct__hook;

/* What only few tensors have. */
typedef struct ct__extra {
    char *name;
    ct_tensor *grad;
    ct__hook *hooks;
    ct_tensor *spare;         /* of a variable: zeros, a gradient for the next walk; or NULL */
    ct_tensor *rows;          /* of a gradient: the rows that may differ from 0; or NULL: any may */
    int64_t row_count;        /* how many of these still may */
    uint32_t rows_version;    /* of the buffer for which that is known */
    bool open;                /* a kernel adds to it, and has not said which rows it touches */
    int aux_count, outputs;
    ct_tensor *aux[8];        /* the auxiliaries, held and saved */
    ct_tensor *kept[8];       /* of a hidden vertex: its saved outputs, as leaves over their data */
    uint32_t kept_version[8]; /* the versions of those data when they were saved */
    ct_tensor *slots[8];      /* in a walk: the cotangents of a hidden vertex's outputs */
} ct__extra;

struct ct_tensor {
    ct_tensor *next, **prev; /* in the scope's list, or the context's of kept ones. `next` is first
                                because the pool writes there once the tensor is freed: the context
                                and the flags stay, so that a stale handle is recognized */
    ct_context *cx;
    int64_t count;
    /* In a new tensor the fields from here ... */
    ct__buffer *buffer;      /* NULL once nobody can read the data */
    char *data;              /* the first element */
    ct_tensor *cotangent;    /* in a walk: what came so far */
    ct__extra *extra;
    uint32_t handles, holds, saves, retains;
    uint32_t pending; /* in a walk: how many uses have not brought their cotangent yet; while the
                         graph is discovered, the next edge to look at */
    uint32_t mark;    /* the number of the last walk that found it */
    const ct_op *op;         /* NULL: a leaf */
    /* ... to here are 0. */
    ct_tensor *link;         /* the next one on a walk's stack */
    uint8_t dtype, ndim;
    uint16_t flags;
    uint32_t input_count;
    int64_t dims[]; /* the shape, the strides, and what is recorded behind them */
};

static inline int64_t *ct__shape(const ct_tensor *t)
{
    return (int64_t *)(uintptr_t)t->dims;
}

static inline int64_t *ct__strides(const ct_tensor *t)
{
    return ct__shape(t) + t->ndim;
}

/* The inputs are set when the call is recorded, together with CT__REQUIRES_GRAD. */
static inline ct_tensor **ct__inputs(const ct_tensor *t)
{
    return (ct_tensor **)(void *)(ct__shape(t) + 2 * t->ndim);
}

/* Element i is the version that the data of input i had when they were saved. One more element is
 * for the vertex's own data. */
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

static inline size_t ct__tensor_bytes(int ndim, uint32_t inputs, size_t attributes)
{
    return sizeof(ct_tensor) + (size_t)ndim * 2 * sizeof(int64_t) + ct__input_bytes(inputs) +
           attributes;
}

/* Do the rules of op read input i? */
static inline bool ct__saves_x(const ct_op *op, uint32_t i)
{
    return i < 16 ? op->saves >> i & 1 : (op->saves & CT_SAVE_ALL_X) == CT_SAVE_ALL_X;
}

int ct__tensor_print(char *out, size_t room, const ct_tensor *t, bool dtype);

/* The lists that tensors are in: a scope's, or the context's list of kept ones. */
static inline void ct__link(ct_tensor *t, ct_tensor **list)
{
    t->next = *list;
    t->prev = list;
    if (*list)
        (*list)->prev = &t->next;
    *list = t;
}

static inline void ct__unlink(ct_tensor *t)
{
    *t->prev = t->next;
    if (t->next)
        t->next->prev = t->prev;
}

/* -- tensor.c: making. A new tensor has no handle: the caller gives it one, or drops it */
typedef struct ct__layout {
    ct_dtype dtype;
    int ndim;
    const int64_t *shape, *strides; /* strides NULL: row-major */
    uint32_t inputs;
    size_t attributes;
} ct__layout;
ct_tensor *ct__tensor_new(ct_context *cx, const ct__layout *layout);  /* with its own buffer */
ct_tensor *ct__tensor_over(ct_context *cx, const ct__layout *layout); /* without one */
/* with a buffer for data that lie elsewhere */
ct_tensor *ct__tensor_around(ct_context *cx, const ct__layout *layout, void *data);
/* of x's dtype and shape, row-major, with its own buffer */
ct_tensor *ct__tensor_like(const ct_tensor *x, uint32_t inputs, size_t attributes);
ct_tensor *ct__alias(ct_tensor *x); /* a leaf over the same data */

/* -- free.c: letting go */
void ct__buffer_free(ct_context *cx, ct__buffer *buffer);
static inline void ct__buffer_drop(ct_context *cx, ct__buffer *buffer)
{
    bool last = buffer && --buffer->refs == 0;
    if (last && (buffer->data != buffer->tiny || buffer->orphan))
        ct__buffer_free(cx, buffer);
}
void ct__drop(ct_tensor *t); /* frees it if nothing keeps it */
/* calls op->drop, which there must be; cx may be NULL */
void ct__drop_attributes(ct_context *cx, const ct_op *op, void *attributes);
/* One handle more, and one less. The lists follow the handles: a tensor is in a scope's list while
 * that scope has a handle. Otherwise it is in the list of kept ones while anybody has a handle. */
static inline void ct__handle(ct_tensor *t)
{
    if (t->handles++ == 0)
        ct__link(t, &t->cx->kept);
}

static inline void ct__unhandle(ct_tensor *t) /* NULL does nothing */
{
    if (!t)
        return;
    t->handles--;
    if (t->handles > 0 && t->flags & CT__IN_SCOPE)
        return;
    ct__unlink(t);
    if (t->handles > 0)
        ct__link(t, &t->cx->kept);
    else
        ct__drop(t);
}

ct__extra *ct__extra_of(ct_tensor *t); /* made when it is first asked for; NULL and an error */
/* Reports, in the name of `who`, that t is stale or, if data are needed, that it has none. Returns
 * whether t is usable after all. NULL has no context, and so there is no error for it. */
CT__COLD bool ct__explain(const ct_tensor *t, const char *who, bool needs_data);
static inline bool ct__usable(const ct_tensor *t, const char *who)
{
    return (t && t->buffer) || ct__explain(t, who, true); /* the dead have no buffer */
}
static inline bool ct__alive(const ct_tensor *t, const char *who) /* but the data may be gone */
{
    return (t && !(t->flags & CT__DEAD)) || ct__explain(t, who, false);
}
static inline bool ct__same_shape(const ct_tensor *a, const ct_tensor *b)
{
    if (a->ndim != b->ndim || a->count != b->count)
        return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->dims[d] != b->dims[d])
            return false;
    return true;
}
#endif
