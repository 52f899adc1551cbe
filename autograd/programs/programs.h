/* Programs from the inside: slots, steps and plans. docs/replay.md has the picture. */
#ifndef COTANGENT_PROGRAMS_H
#define COTANGENT_PROGRAMS_H
#include <cotangent/program.h>

#include "graph.h"

/* what a group does with a slot; what is done with it behind the group */
enum { CT__USES, CT__WRITES, CT__GATHERS, CT__READ_LATER, CT__WRITTEN_LATER, CT__MARKS };

/* A buffer of the run that was noted, and where it is in a replay. */
typedef enum ct__kind {
    CT__ARGUMENT, /* in the tensor that the caller gives */
    CT__LEAF,     /* where it was */
    CT__HELD,     /* in the gradient that a variable has when the run begins */
    CT__CONSTANT, /* in `content` */
    CT__ARENA,    /* in the plan's arena */
    CT__LENT,     /* in the arena, too, as a gradient that is taken away in the same run */
    CT__FRESH     /* in a new tensor: a result, or a gradient */
} ct__kind;

typedef struct ct__slot ct__slot;

/* A place in a slot, as an operand of a kernel, until the plan is finished. */
typedef struct ct__spot {
    ct__slot *slot;
    int64_t offset;      /* in bytes */
    struct ct__spot *next; /* of the same slot */
} ct__spot;

enum { CT__LOOKS = 8 }; /* at so many things, whether one is there already */

/* Where a run writes an address. */
typedef struct ct__patch {
    struct ct__patch *next;
    void **at;
    int64_t offset;
} ct__patch;

enum { CT__USERS = 4 }; /* of a slot that may be made again */

/* Of each slot, while groups are made, if there are any. */
typedef union ct__mark {
    struct {             /* group.c */
        int group[CT__MARKS];
        int64_t group_offset;
    };
    struct {             /* remake.c */
        int writes, last_write; /* how many; the last step that does */
        int user[CT__USERS];    /* steps; `many`: there are more */
        uint8_t users;
        bool many;
    };
} ct__mark;

/* A long function has as many slots as results while it is noted: a slot takes 88 bytes. Those of
 * the arena and of constants are gone when the plan is finished; of the others copies stay. */
struct ct__slot {
    ct__spot spot;       /* the slot from its first byte */
    uint8_t kind;        /* ct__kind */
    bool written : 1, needed : 1; /* needed: some step that is done reads it, or the caller does */
    bool local : 1;      /* it lies in a group's room, at `offset` */
    bool graded : 1, kept : 1; /* it becomes a gradient; somebody has it after the run */
    int number;          /* among the plan's slots */
    int first, last;     /* the steps that use it; 0: none does */
    int64_t bytes;
    union {
        int64_t offset;  /* in the arena */
        void *content;   /* of a constant */
        char *data;      /* as soon as all are placed: where it is, if it is there in each run */
    };
    union {
        ct__buffer *at;  /* the buffer that was noted; a leaf's is there still */
        struct ct__hole *block; /* in the arena, while the plan is made */
    };
    ct_tensor *headers;  /* tensors over it, through `link` */
    union {
        const ct_tensor *as; /* of a fresh one: the header that says its layout; of a held one:
                                the variable */
        int64_t argument;    /* among the run's arguments */
    };
    union {
        int64_t uses;    /* how many, as soon as it is known which steps are done */
        ct__mark *mark;  /* while groups are made */
        ct__slot *stays; /* afterwards: the copy of it that stays with the plan */
    };
    /* only the copy has what follows */
    ct__buffer *own;     /* of an argument's headers */
    ct__patch *patches;
    char *patched;       /* what they say now */
    ct_tensor *now;      /* in a run: the new tensor, or the gradient of a held one */
};
enum { CT__SLOT = offsetof(ct__slot, own), CT__BLOCK = 16 }; /* bytes; slots of a block */

static inline bool ct__is_placed(const ct__slot *s) /* in the arena */
{
    return s->kind == CT__ARENA || s->kind == CT__LENT;
}

/* A header is a tensor of the plan's own, with this in front of it. */
typedef struct ct__place {
    ct__slot *slot;      /* NULL: it has a shape, and no data */
    int64_t offset;      /* in the buffer, in bytes */
} ct__place;

static inline ct__place *ct__place_of(const ct_tensor *header)
{
    return (ct__place *)(uintptr_t)header - 1;
}

/* Does the header show its whole buffer, as a new tensor would? One of no elements may have room
 * for one. */
static inline bool ct__shows_all(const ct_tensor *h, const ct__slot *s)
{
    int64_t size = (int64_t)ct__dtype_size(h->dtype);
    return h->flags & CT__CONTIGUOUS && ct__place_of(h)->offset == 0 &&
           (h->count > 0 ? h->count * size == s->bytes : s->bytes <= size);
}

typedef enum ct__act { CT__RUN, CT__LOAD, CT__HAND, CT__ZERO_GRAD, CT__SET_GRAD, CT__AGAIN,
               CT__FILL, CT__KEEP_STREAM, CT__TAKE_STREAM, CT__KERNEL, CT__GROUP } ct__act;

/* a place of the random stream to which a run comes back */
typedef struct ct__stream {
    struct ct__stream *next;
    uint64_t seed, draws; /* when it was noted */
    uint64_t now;         /* in a run: the draws */
} ct__stream;

/* Steps lie in memory in the order in which they were noted. A kernel of one operand takes 56
 * bytes. */
typedef struct ct__step {
    struct ct__step *next;
    uint8_t act : 6;
    uint8_t cheap : 1, remade : 1;        /* CT__KERNEL: takes less than memory; is done again */
    uint8_t operands : 4, size : 4;       /* CT__KERNEL; size: bytes of an element */
    uint16_t hash;                        /* of what was noted */
    uint32_t n;                           /* CT__KERNEL, CT__GROUP: elements */
    union {
        struct {                          /* CT__KERNEL; the step ends with the last operand */
            ct_kernel kernel;
            const void *arg;
            const ct_op *op;
            void *data[CT__OPERANDS];     /* until the plan is finished: spots */
        };
        struct {                          /* CT__GROUP */
            struct ct__step *members;     /* kernels, to be run piece by piece; then the sum */
            struct ct__step *sum;         /* of what they use: CT__RUN; or NULL */
        };
        struct {
            ct_tensor **gy, **gx;         /* CT__RUN; gx is NULL: forward */
            void *spare;                  /* for its scratch; until the plan is finished: a slot */
            size_t spare_bytes;
            ct_call call;                 /* the step ends with the last y or aux in use */
        };
        struct {
            ct__slot *slot;               /* CT__LOAD, CT__SET_GRAD; CT__HAND: from where */
            ct_tensor *x;                 /* of the gradient; CT__FILL */
            void *to;                     /* CT__LOAD; CT__HAND: until it is finished, a spot */
            const void *from;
            size_t bytes;                 /* to be loaded, or of the attributes */
            ct_tensor *y;                 /* CT__FILL */
            ct__fill *fill;
            const void *attributes;
            ct_status (*again)(void *user);
            void *user;
            ct__stream *stream;       /* CT__KEEP_STREAM, CT__TAKE_STREAM */
            bool recording;               /* the mode in which `again` is called */
        };
    };
} ct__step;

/* a variable whose gradient the program sets, which has a handle on it */
typedef struct ct__graded {
    struct ct__graded *next;
    ct_tensor *x;
    bool set, first_set; /* set in the run so far; the first thing that happened was a setting */
    bool held;           /* it had a gradient when the run began */
    ct__slot *slot;      /* while the program is written as C: that of its gradient; or NULL */
} ct__graded;

/* While a plan is noted: an operand that was gathered, and was not written since. */
typedef struct ct__gathered {
    const ct__spot *from;             /* NULL: none */
    const struct ct__operand_layout *layout;
    ct__spot *to;
} ct__gathered;

/* numbers of the function's text, which nobody writes */
typedef struct ct__constant {
    struct ct__constant *next;
    const void *content;
    int64_t bytes;
} ct__constant;

typedef struct ct__plan {
    struct ct__plan *next;
    ct_context *cx, *from;            /* where it runs; where it is noted: not there in a clone */
    struct ct__plan *twins;           /* while it is noted: those of clones */
    const struct ct__plan *origin;    /* of a clone's: the program's */
    ct_program *clone;
    struct ct__chunk *chunks, *aside; /* what a run needs; what is gone when the plan is finished */
    size_t taken;                     /* bytes of all chunks */
    bool failed;                      /* memory was lacking */
    char why[120];                    /* not empty: it stays eager, because of that */
    int n;                            /* arguments */
    ct_tensor **arguments, **same;    /* their headers; the variables that were given themselves */
    bool recording, inference;
    uint32_t changes, gone;           /* of the context, when it was noted */
    bool calls, grades;               /* there are steps CT__AGAIN; those that set gradients */
    char **slots;                     /* all, while it is made: blocks of them */
    ct__slot **outer;                 /* those that stay with the plan */
    int count, room, outer_count;
    ct__step *steps, **end, *newest;
    int length;                       /* steps that were noted */
    ct__gathered gathered[CT__LOOKS]; /* the last ones */
    unsigned gathers;
    bool compared;                    /* verify wants these */
    uint64_t hash, made, step_hash;   /* of all that was noted; of the numbers of the text; of the
                                         newest step */
    ct__graded *graded;
    ct__constant *constants;
    ct__stream *streams;
    ct_tensor **results, *vertex;     /* headers; that of vertices says who is wanted */
    int result_count;
    void *arena;
    ct__buffer own;                   /* of the headers of what lies in it, and of constants */
    int64_t arena_bytes, apart_bytes, runs;
} ct__plan;

/* while the plan is made */
static inline ct__slot *ct__slot_at(const ct__plan *p, int number)
{
    unsigned at = (unsigned)number;
    return (ct__slot *)(void *)(p->slots[at / CT__BLOCK] + at % CT__BLOCK * (unsigned)CT__SLOT);
}

/* Does t show its whole buffer, as a new tensor does? */
static inline bool ct__whole(const ct_tensor *t)
{
    return t->flags & CT__CONTIGUOUS && !(t->flags & CT__ZERO) && t->data == t->buffer->data;
}

/* -- plan.c */
void *ct__plan_take(ct__plan *p, size_t bytes); /* zeroed, aligned to 16; NULL: p->failed */
void *ct__plan_take_words(ct__plan *p, size_t bytes); /* aligned to 8 */
void *ct__plan_take_aside(ct__plan *p, size_t bytes); /* the same, until the plan is finished */
ct__plan *ct__plan_new(ct_context *cx, ct_tensor *const *x, int n); /* NULL: no memory */
void ct__plan_free(ct__plan *p);
/* of t's layout over the slot, which may be NULL; made if there is none yet */
ct_tensor *ct__plan_header(ct__plan *p, ct__slot *slot, const ct_tensor *t, bool wanted);
void ct__plan_tidy(ct__plan *p); /* frees what was taken aside */
bool ct__plan_fits(const ct__plan *p, ct_tensor *const *x, int n);
bool ct__plan_alive(const ct__plan *p); /* are all leaves what they were? */
/* Shows the visitor each slot that the step uses; one may come several times. */
typedef void ct__visitor(ct__slot *s, bool written, void *arg);
void ct__each_slot(const ct__step *s, ct__visitor *visit, void *arg);

/* -- finish.c */
void ct__plan_finish(ct__plan *p); /* orders the steps, and places what they use */

/* -- arena.c: places the slots of the arena. p->failed: no memory */
void ct__arena_place(ct__plan *p);

/* -- lane.c */
/* Notes the kernels of an operator that does nothing else, which are on the list, each as a step.
 * false: it does, or it has a form that steps have not; nothing was noted. */
bool ct__note_kernels(ct__plan *p, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx,
                      const ct__kernel_list *list);
/* y = elements at to at + n of an operand as `arg` lays it out */
void ct__gather(int64_t n, void *y, void *const *in, const void *arg); /* at = 0; a ct_kernel */
void ct__gather_from(int64_t at, int64_t n, void *y, const void *x, const void *arg);
size_t ct__gather_bytes(const void *arg); /* of arg itself */

/* -- group.c */
/* Makes groups of kernels with many elements. `steps` has all steps in order; the list of the plan
 * is made anew. false: there are none, or memory was lacking. */
bool ct__plan_group(ct__plan *p, ct__step **steps, int count);
/* remake.c: lets groups make again what is cheaper to make than to read. The slots get to know
 * their lives. */
void ct__plan_remake(ct__plan *p);
/* Gives slots that live in one group only a place in its room. The slots know their lives. */
void ct__plan_furnish(const ct__step *group);
ct_status ct__run_group(const ct__step *group, ct_context *cx);
/* the kernel that comes next in a group, or NULL */
static inline const ct__step *ct__next_kernel(const ct__step *s)
{
    return s->next && s->next->act == CT__KERNEL ? s->next : NULL;
}
enum { CT__PIECE = 2048, CT__PIECES = 32 }; /* bytes of a piece; pieces in a room */
enum { CT__ALONE = 8192 }; /* bytes of a tensor that is no group's affair: it stays in the cache */
static inline bool ct__in_room(const void *data) /* else it is an address */
{
    return (uintptr_t)data < CT__PIECE * CT__PIECES;
}

/* What a program runs: one of these functions. */
typedef struct ct__source {
    ct_function one;
    ct_functions all;
    int results;
    void *user;
} ct__source;

struct ct_program {
    ct_context *cx;
    ct__source f;
    ct_program_options options;
    ct__plan *plans;
    int count, voids; /* plans; how many became void without a replay in between */
    int64_t runs;
    bool running, is_clone;
    ct_program *of, *clones, *next_clone;
};

/* -- program.c: false, with an error unless p is NULL: it was freed, or is none */
bool ct__program_alive(const ct_program *p, const char *who);

/* -- note.c: who listens while a first run is under way */
typedef struct ct__noting {
    ct__listener listener;
    ct__plan *plan;
    int retained; /* how often, of what was made in the run */
} ct__noting;

ct__noting ct__noting_begin(ct__plan *p);
/* f gets in[i] for x[i], and its results are y */
void ct__note_arguments(ct__plan *p, ct_tensor *const *x, ct_tensor *const *in, int n);
void ct__note_results(ct__plan *p, ct_tensor *const *y, int n);

/* -- first.c: runs f(x) and notes it in p, if p is not NULL. The results are put into y, and into
 * the scope. false: it failed, and y has nothing */
bool ct__program_eager(ct_context *cx, const ct__source *f, ct_tensor *const *x, int n,
                       ct__plan *p, ct_tensor **y);

/* -- clone.c */
/* who listens for the plan and its twins; NULL: no memory */
ct__listener *ct__fan_new(ct_context *cx, ct__noting *own);
/* before a plan is noted: a twin for each clone; afterwards they are the clones', or freed */
void ct__twins_new(const ct_program *p, ct__plan *plan, ct_tensor *const *x, int n);
void ct__twins_keep(ct__plan *plan, bool good);
void ct__twins_drop(const ct_program *p, const ct__plan *plan); /* NULL: of all plans */
void ct__clones_leave(ct_program *p); /* p ends: it has no clones, and is none */
/* why the clone cannot run the plan, which may be NULL; NULL: it can */
const char *ct__clone_refuses(const ct_program *c, const ct__plan *plan);

/* -- steps.c, for note.c and lane.c */
void ct__stay_eager(ct__plan *p, const char *who);
static inline bool ct__is_over(const ct__plan *p) /* the noting */
{
    return p->failed || p->why[0];
}
enum { CT__READ = 1, CT__WRITTEN = 2 }; /* what becomes of an operand */
ct__slot *ct__slot_of(ct__plan *p, const ct_tensor *t, int use); /* NULL: the noting is over */
/* The slot is written, or if it is NULL, perhaps all: what was gathered from it is out of date. */
void ct__gathered_forget(ct__plan *p, const ct__slot *s);
ct__slot *ct__slot_known(const ct__plan *p, const ct__buffer *b); /* or NULL */
ct__slot *ct__slot_new(ct__plan *p, ct__kind kind, int64_t bytes); /* NULL: no memory */
ct__slot *ct__slot_for(ct__plan *p, ct__kind kind, ct__buffer *buffer); /* which knows it then */
ct__step *ct__step_new(ct__plan *p, ct__act act, size_t bytes); /* NULL: the noting is over */
void ct__step_close(ct__plan *p); /* the newest step has been noted wholly */
/* Adds to the hash of what is noted. */
static inline void ct__mix_word(uint64_t *hash, uint64_t word)
{
    *hash = (*hash ^ word) * 0x9e3779b97f4a7c15;
    *hash ^= *hash >> 29;
}
static inline void ct__mix(ct__plan *p, uint64_t word) /* to that of the newest step */
{
    if (p->compared)
        ct__mix_word(&p->step_hash, word);
}
static inline void ct__mix_place(ct__plan *p, const ct__slot *s, int64_t offset)
{
    ct__mix(p, (uint64_t)s->number << 40 ^ (uint64_t)offset);
    if (s->kind == CT__LEAF || s->kind == CT__HELD)
        ct__mix(p, (uint64_t)(s->kind == CT__LEAF ? (uintptr_t)s->at : (uintptr_t)s->as));
}
void ct__mix_bytes(const ct__plan *p, uint64_t *hash, const void *bytes, size_t n);

/* -- verify.c: NULL, or why b, noted of the same function later, is another plan than a */
const char *ct__plans_differ(const ct__plan *a, const ct__plan *b);

/* -- text.c: returns how many characters it wrote, less than room */
size_t ct__plan_text(const ct__plan *p, char *to, size_t room);

/* -- replay.c */
/* For the end of a run: gives the scope the results, of which we have handles, if all is good. Else
 * they are dropped. */
bool ct__hand_results(ct_tensor **y, int n, bool good);
/* from now on what lies in the slot is in that buffer, at `data` */
void ct__slot_point(ct__slot *s, ct__buffer *buffer, char *data);
/* a gradient over the memory that the slot has, with a handle of ours; NULL: no memory */
ct_tensor *ct__lend(ct_context *cx, const ct__slot *s);
bool ct__replay(ct__plan *p, ct_tensor *const *x, ct_tensor **y); /* as ct__program_eager */
bool ct__has_effects(const ct__plan *p); /* beside its result and random draws */
#endif
