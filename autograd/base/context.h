/* The context from the inside: everything that a context holds. */
#ifndef COTANGENT_BASE_CONTEXT_H
#define COTANGENT_BASE_CONTEXT_H
#include <cotangent/op.h>

#include "compiler.h"

/* It is called only where something failed: saying so keeps its callers' common path short. */
CT__COLD ct_status ct_fail(ct_context *cx, ct_status code, const char *format, ...);

/* status.c: "-nan", as printf writes some NaNs, becomes "nan" where it is a number of its own */
void ct__drop_nan_signs(char *text);

typedef struct ct__text {
    struct ct__text *next;
    size_t bytes;
    char text[];
} ct__text;

typedef struct ct__scope {
    struct ct__scope *outer;
    ct_scope id;          /* 0: the engine's own, on the C stack */
    ct_tensor *tensors;
    ct__text *texts;
    bool fence;                /* round a callback, which cannot end the scopes outside */
    bool recording, inference; /* as found when it began */
} ct__scope;

typedef struct ct__object ct__object;   /* object.c */
typedef struct ct__slab ct__slab;       /* memory.c */
typedef struct ct__threads ct__threads; /* parallel.c, on the floor above */
typedef struct ct__listener ct__listener; /* listener.h */
typedef struct ct__kernel_list ct__kernel_list; /* loops.h, on the floor above */

/* sizes of blocks: up to CT__SMALL bytes in steps of CT__STEP, then eight classes per doubling */
enum { CT__SMALL = 1024, CT__STEP = 32, CT__SMALL_CLASSES = CT__SMALL / CT__STEP,
       CT__CLASSES = CT__SMALL_CLASSES + 8 * 53 };

typedef struct ct__pool {
    bool off;
    int64_t held, most;                   /* bytes from the allocator; unused ones to be kept */
    void *free[CT__CLASSES];              /* threaded through the blocks */
    ct__slab *newest[CT__SMALL_CLASSES], *slabs;
    void *room;                           /* the largest room that is free, or NULL: memory.c */
    size_t room_bytes;
} ct__pool;

struct ct_context {
    ct_context_options options;
    ct__pool pool;
    ct_memory memory;
    ct_status error;
    char error_text[512];
    bool recording, inference, repeating, find_nonfinite;
    bool watched; /* somebody listens, or find_nonfinite is on */
    bool asked;   /* who listens is called instead of what would be done */
    bool allocating, reporting; /* the allocator runs now; so does on_error */
    ct_simd simd;
    const char *writer; /* the operator or call that writes now */
    ct__scope root, *scope;
    uint64_t scope_serial;
    ct_tensor *kept;    /* with handles, but in no scope */
    ct__object *objects;
    uint64_t seed, draws;
    uint32_t walks;
    ct__threads *threads;
    ct__listener *listener; /* NULL: nobody listens */
    ct__kernel_list *kernels; /* where ct_loop_kernel puts down what it would do; or NULL */
    char *spare;      /* for scratch: a part of a program's arena, while a kernel runs */
    size_t spare_bytes, scratched; /* scratched: how much the kernels have asked for */
    uint32_t marks;   /* those of new buffers */
    uint32_t changes; /* of tensors that programs read by themselves */
    uint32_t gone;    /* objects that programs call, and that were freed */
    uint32_t given;   /* buffers that DLPack has given away */
    bool closed;      /* it was freed while some were out: the last of them frees the rest */
};

ct_simd ct__widest_simd(void); /* processor.c: the widest that this machine has */

#endif
