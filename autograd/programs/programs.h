/* Programs from the inside: slots, steps and plans. docs/replay.md has the picture. */
#ifndef COTANGENT_PROGRAMS_H
#define COTANGENT_PROGRAMS_H
#include <cotangent/program.h>

#include "graph.h"

/* A buffer of the run that was noted, and where it is in a replay. */
typedef enum ct__kind {
    CT__ARGUMENT, /* in the tensor that the caller gives */
    CT__LEAF,     /* where it was */
    CT__HELD,     /* in the gradient that a variable has when the run begins */
    CT__CONSTANT, /* in `content` */
    CT__ARENA,    /* in the plan's arena */
    CT__FRESH     /* in a new tensor: a result, or a gradient */
} ct__kind;

typedef struct ct__slot {
    ct__kind kind;
    ct__buffer *at;      /* the buffer that was noted; a leaf's is there still */
    ct__buffer own;      /* of an argument's headers */
    ct_tensor *headers;  /* tensors over it, through `link` */
    struct ct__slot *dies; /* the next one that dies after the same step */
    int64_t bytes, offset; /* offset: in the arena */
    void *content;       /* the numbers that it is made with, or NULL */
    int number;          /* among the plan's */
    int first, last;     /* the steps that use it */
    int argument;
    bool written;
    const ct_tensor *as; /* of a fresh one: the header that says its layout; of a held one: the
                            variable */
    ct_tensor *now;      /* in a run: that new tensor */
} ct__slot;

/* A header is a tensor of the plan's own, with this in front of it. */
typedef struct ct__place {
    ct__slot *slot;      /* NULL: it has a shape, and no data */
    int64_t offset;      /* in the buffer, in bytes */
} ct__place;

static inline ct__place *ct__place_of(const ct_tensor *header)
{
    return (ct__place *)(uintptr_t)header - 1;
}

typedef enum ct__act { CT__RUN, CT__LOAD, CT__ZERO_GRAD, CT__SET_GRAD, CT__AGAIN,
               CT__FILL, CT__KEEP_STREAM, CT__TAKE_STREAM } ct__act;

/* a place of the random stream to which a run comes back */
typedef struct ct__stream {
    struct ct__stream *next;
    uint64_t seed, draws; /* when it was noted */
    uint64_t now;         /* in a run: the draws */
} ct__stream;

typedef struct ct__step {
    struct ct__step *next;
    ct__act act;
    bool recording;                   /* the mode in which `again` is called */
    ct_tensor **gy, **gx;             /* CT__RUN; gx is NULL: forward */
    union {
        ct_call call;                 /* CT__RUN; the step ends with the last y or aux in use */
        struct {
            ct__slot *slot;           /* CT__LOAD, CT__SET_GRAD */
            ct_tensor *x, *y;         /* of the gradient; CT__FILL */
            ct__fill *fill;
            const void *attributes;
            size_t bytes;             /* of these */
            ct_status (*again)(void *user);
            void *user;
            ct__stream *stream;       /* CT__KEEP_STREAM, CT__TAKE_STREAM */
        };
    };
} ct__step;

/* a variable whose gradient the program sets, which has a handle on it */
typedef struct ct__graded {
    struct ct__graded *next;
    ct_tensor *x;
    bool set, first_set; /* set in the run so far; the first thing that happened was a setting */
    bool held;           /* it had a gradient when the run began */
} ct__graded;

typedef struct ct__plan {
    struct ct__plan *next;
    ct_context *cx;
    struct ct__chunk *chunks, *aside; /* what a run reads; all else that follows */
    bool failed;                      /* memory was lacking */
    char why[120];                    /* not empty: it stays eager, because of that */
    int n;                            /* arguments */
    ct_tensor **arguments, **same;    /* their headers; the variables that were given themselves */
    bool recording, inference;
    uint32_t changes, gone;           /* of the context, when it was noted */
    bool calls;                       /* there are steps CT__AGAIN */
    ct__slot **slots, **outer;        /* all; those that are not the plan's own memory */
    int count, room, outer_count;
    ct__step *steps, **end;
    int length;                       /* steps */
    ct__graded *graded;
    ct__stream *streams;
    ct_tensor **results, *vertex;     /* headers; that of vertices says who is wanted */
    int result_count;
    void *arena;
    ct__buffer own;                   /* of the headers of what lies in it, and of constants */
    int64_t arena_bytes, apart_bytes, runs;
} ct__plan;

/* Does t show its whole buffer, as a new tensor does? */
static inline bool ct__whole(const ct_tensor *t)
{
    return t->flags & CT__CONTIGUOUS && !(t->flags & CT__ZERO) && t->data == t->buffer->data;
}

/* -- plan.c */
void *ct__plan_take(ct__plan *p, size_t bytes); /* zeroed, aligned to 16; NULL: p->failed */
void *ct__plan_take_aside(ct__plan *p, size_t bytes); /* apart from what a run reads */
ct__plan *ct__plan_new(ct_context *cx, ct_tensor *const *x, int n); /* NULL: no memory */
void ct__plan_free(ct__plan *p);
/* of t's layout over the slot, which may be NULL; made if there is none yet */
ct_tensor *ct__plan_header(ct__plan *p, ct__slot *slot, const ct_tensor *t, bool wanted);
void ct__plan_finish(ct__plan *p); /* places what was noted */
bool ct__plan_fits(const ct__plan *p, ct_tensor *const *x, int n);
bool ct__plan_alive(const ct__plan *p); /* are all leaves what they were? */

/* What a program runs: one of these functions. */
typedef struct ct__source {
    ct_function one;
    ct_functions all;
    int results;
    void *user;
} ct__source;

/* -- note.c: who listens while a first run is under way */
typedef struct ct__noting {
    ct__listener listener;
    ct__plan *plan;
    int retained; /* how often, of what was made in the run */
} ct__noting;

ct__noting ct__noting_begin(ct__plan *p);
void ct__stay_eager(ct__plan *p, const char *who);
/* f gets in[i] for x[i], and its results are y */
void ct__note_arguments(ct__plan *p, ct_tensor *const *x, ct_tensor *const *in, int n);
void ct__note_results(ct__plan *p, ct_tensor *const *y, int n);

/* -- first.c: runs f(x) and notes it in p, if p is not NULL. The results are put into y, and into
 * the scope. false: it failed, and y has nothing */
bool ct__program_eager(ct_context *cx, const ct__source *f, ct_tensor *const *x, int n,
                       ct__plan *p, ct_tensor **y);
/* For the end of a run: gives the scope the results, of which we have handles, if all is good. Else
 * they are dropped. */
bool ct__hand_results(ct_tensor **y, int n, bool good);

/* -- verify.c: NULL, or why b, noted of the same function later, is another plan than a. The
 * context's scope owns the text */
const char *ct__plans_differ(const ct__plan *a, const ct__plan *b);

/* -- replay.c */
bool ct__replay(ct__plan *p, ct_tensor *const *x, ct_tensor **y); /* as ct__program_eager */
bool ct__has_effects(const ct__plan *p); /* beside its result and random draws */
#endif
