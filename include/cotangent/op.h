/* How to define an operator. The operators in ops/ use nothing more than this header and kernels.h.
 *
 * An operator is one constant object. ct_apply(&op, &attributes, inputs, n) applies it, in these
 * steps. `infer` checks the inputs and sets the dtypes and shapes of the outputs; the engine makes
 * them, contiguous and uninitialized. `forward` fills them. If an input requires grad and recording
 * is on, y keeps the operator, a copy of the attributes, the inputs (their shapes always, their
 * data if `saves` lists them) and the auxiliaries. In the walk backward `vjp` or `backward` turns
 * the cotangents gy of the outputs into the cotangents gx of the inputs.
 *
 * For a function with a derivative of your own and nothing more, ct_custom (functions.h) takes four
 * lines. An operator is for kernels, several outputs, attributes, inputs that need not be kept, a
 * rule that is fused, and samples for the gradient check.
 *
 * A callback returns CT_OK, or it reports a failure with ct_call_fail (or any call that fails) and
 * returns a status. Tensors that it makes belong to a scope that the engine opens round it.
 * Recording is off in `forward` and `backward`. In `vjp` it is on if the caller of the walk asked
 * for it (CT_CREATE_GRAPH). */
#ifndef COTANGENT_OP_H
#define COTANGENT_OP_H
#include <cotangent/autograd.h>

/* -- Code for one kind of processor. Functions between CT_SIMD_BEGIN_AVX2 (or _AVX512) and
 * CT_SIMD_END are compiled for that kind. They exist only where CT_SIMD_X86 is defined. kernels.h
 * does this for a whole file of kernels. */
#if defined(CT_NO_SIMD) /* the library is compiled with it: kernels of one kind only */
#elif defined(__clang__) && defined(__x86_64__)
#define CT_SIMD_X86 1                          /* defined where the next three are */
#define CT__SIMD_BEGIN(kind)                                                                    \
    CT__PRAGMA(clang attribute push(__attribute__((target(kind))), apply_to = function))
/* from here on, functions are compiled for AVX2 with FMA, or (CT_SIMD_BEGIN_AVX512) for AVX-512 */
#define CT_SIMD_BEGIN_AVX2   CT__SIMD_BEGIN("avx2,fma")
#define CT_SIMD_BEGIN_AVX512 CT__SIMD_BEGIN("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#define CT_SIMD_END          CT__PRAGMA(clang attribute pop) /* from here on, as before */
#elif defined(__GNUC__) && defined(__x86_64__)
#define CT_SIMD_X86 1
#define CT__SIMD_BEGIN(kind)   CT__PRAGMA(GCC push_options) CT__PRAGMA(GCC target(kind))
#define CT_SIMD_BEGIN_AVX2     CT__SIMD_BEGIN("avx2,fma")
#define CT_SIMD_BEGIN_AVX512                                                                    \
    CT__SIMD_BEGIN("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#define CT_SIMD_END CT__PRAGMA(GCC pop_options)
#endif
#define CT__PRAGMA(text) _Pragma(#text)

CT_API_BEGIN

typedef struct ct_call ct_call;                /* one application: inputs, outputs, attributes */

/* -- Operators */
#define CT_SAVE_X(i)    (1u << (i))            /* saves input i, 0..7 */
#define CT_SAVE_ALL_X   0x0000ffffu            /* saves all inputs, of any number */
#define CT_SAVE_Y(i)    (0x10000u << (i))      /* saves output i, 0..7 */
#define CT_SAVE_AUX     0x01000000u            /* saves all auxiliaries */
/* Flags of an operator. */
enum {
    CT_OP_CONSTANT = 1,      /* y never requires grad, as of argmax and sign: it is not recorded */
    CT_OP_BROADCAST = 2,     /* gx may have y's shape, and the engine sums it to x's; without this
                                flag another shape than x's is an error */
    CT_OP_CONTIGUOUS = 4,    /* inputs and cotangents are made contiguous before the callbacks */
    CT_OP_VIEW = 8,          /* y is a view of x0, made in `infer` with ct_view; if there is a
                                `forward`, it runs too, for results that no strides describe */
    CT_OP_RANDOM = 16,       /* it draws random numbers: the checker rewinds the stream */
    CT_OP_UPDATE = 32,       /* it writes into its inputs, has no output, and is never recorded */
    CT_OP_SYMMETRIC = 128,   /* y has the shape of its inputs, broadcast, and its Jacobian by each
                                of them is symmetric, as that of an elementwise function is: the
                                tangent of y is then found by the rules for cotangents */
    CT_OP_LINEAR = 256,      /* y is linear in all float inputs together, as a sum or a view is: the
                                tangent of y is then the operator applied to the tangents */
    CT_OP_BATCHED = 512,     /* `vjp` takes several cotangents at once, too: the gy that are there
                                have one more axis, in front of y's, and then so must the gx; what
                                is saved has not. ct_jacobian goes faster through such operators.
                                Count axes from the end, and see ct_call_gx_shape, ct_call_sum */
    CT_OP_KERNELS = 1024,    /* `forward` and `backward` do nothing but call ct_loop_kernel, for y0,
                                and once for each wanted gx, with tensors of the call: a program
                                (program.h) then calls the kernels by itself, several in a row for
                                a piece of the tensors that stays in the cache */
    CT_OP_IN_PLACE = 64      /* it has one output, and gx[i] may be the same tensor as gy[0] for the
                                last wanted i: so `backward` writes that gx last, and has read an
                                element of gy when it writes there, and reads it no more */
};

/* An operator: what it is called, how it is computed, and how it is differentiated. */
typedef struct ct_op {
    const char *name;                          /* as in messages: no "ct_" */
    const char *formula;                       /* "y = tanh x": for reports and pages; or NULL */
    const char *derivative;                    /* "gx = g (1 - y^2)": likewise */
    unsigned flags;                            /* CT_OP_... */
    unsigned saves;                            /* what vjp and backward read: CT_SAVE_... */
    int inputs;                                /* how many ct_apply takes: n, or, as -n, n or more;
                                                  0: any number. ct_apply checks it, and `infer`
                                                  checks what depends on the attributes */
    int outputs;                               /* 0 means 1; at most 8 */
    size_t attributes_size;                    /* plain data, copied; tensors go in as inputs */
    void (*drop)(void *attributes);            /* where they are not plain */
    ct_status (*infer)(ct_call *call);         /* check inputs; dtypes and shapes of the rest */
    ct_status (*forward)(ct_call *call);       /* fill outputs and auxiliaries */
    /* gx[i], each wanted, by public operators: derivatives of any order. gy[k] is NULL where output
       k is not used. A wanted gx[i] left NULL is a failure; say "zero" with ct_call_zero().
       Auxiliaries are constants here: a rule that differentiates through one recomputes it */
    ct_status (*vjp)(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx);
    /* the same by loops, into tensors that are provided: gx[i] is NULL where not wanted, else
       contiguous, of x[i]'s shape (of y's under CT_OP_BROADCAST), to be stored or added to as
       ct_call_adds(call, i) says. gy may have any strides unless CT_OP_CONTIGUOUS. Without vjp:
       first order only. Neither: an input that requires grad is an error where it is applied */
    ct_status (*backward)(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);
    /* test case k: fill x (room for 8) and attributes; return the number of inputs, 0: no more.
       Float inputs are made in f64, inside the operator's domain and off its kinks */
    int (*sample)(ct_context *cx, int k, ct_tensor **x, void *attributes);
    const void *user;                          /* yours: what operators that share callbacks
                                                  differ by (ct_call_op(call)->user) */
    /* forward mode, by public operators: the tangents ty of the outputs from those of the inputs.
       tx[i] is NULL where it is zero; at least one is not. The ty[k] of an output that is used must
       be set. It reads what `saves` lists, as vjp does; auxiliaries are constants here, too. Where
       it is absent, flags above may say the same; else the tangent is found by two vjps */
    ct_status (*jvp)(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty);
    /* for ct_program_emit; NULL: it cannot write the operator. Of one that says CT_OP_KERNELS, the
       kernels of `forward`, and behind them those of `backward` for each input */
    const struct ct_kernels *kernels;
    /* of one that has drop: where there are addresses in its attributes, in bytes, and at the end
       attributes_size. If these are NULL, the attributes are plain */
    const size_t *addresses;
    const void *reserved[2];
} ct_op;

/* Applies op. ct_apply returns output 0, ct_apply_all puts all outputs into y (NULL for
   CT_OP_UPDATE). These are errors: a number of inputs that the operator does not take, NULL or
   stale inputs, inputs of different contexts, and NULL attributes if the operator has some. */
ct_tensor *ct_apply(const ct_op *op, const void *attributes, ct_tensor *const *x, int n);
ct_status ct_apply_all(const ct_op *op, const void *attributes, ct_tensor *const *x, int n,
                       ct_tensor **y);

/* -- Ready-made inference: all inputs have one dtype, f32 or f64, and y has it too */
ct_status ct_infer_same(ct_call *call);        /* y, if any, is like x0; all x have one shape */
ct_status ct_infer_broadcast(ct_call *call);   /* y is all x broadcast together */
ct_status ct_infer_scalar(ct_call *call);      /* y is 0-d */
/* Checks that all inputs have one dtype, f32 or f64. The error names ct_cast. */
ct_status ct_call_check_float(const ct_call *call);
/* The axis, which may be negative, as a number from 0 to ndim - 1. -1 and an error: out of range.
   */
int ct_call_axis(const ct_call *call, int64_t axis, int ndim);

/* -- Inside the callbacks */
ct_context *ct_call_context(const ct_call *call);              /* that of the inputs */
const ct_op *ct_call_op(const ct_call *call);                  /* the operator that is applied */
const void *ct_call_attributes(const ct_call *call);           /* the copy of its attributes */
int ct_call_inputs(const ct_call *call);                       /* how many inputs there are */
ct_tensor *ct_call_x(const ct_call *call, int i);              /* input i */
ct_tensor *ct_call_y(const ct_call *call, int i);              /* output i */
ct_tensor *ct_call_aux(const ct_call *call, int i);            /* auxiliary i */
bool ct_call_wants(const ct_call *call, int i);                /* is gx[i] wanted? */
/* In `backward`: is gx[i] to be added to? Else it is to be stored. */
bool ct_call_adds(const ct_call *call, int i);
/* At the end of `backward`: in gx[i] only the rows were changed that `index` names, a 1-d i64 whose
   negative elements count from the end. A row is a position along the first axis. The other rows
   are as they were, or zeros if gx[i] was to be stored. If x[i] is a variable, and these rows are
   few, then its gradient is zeroed by rows, and updates may pass over the others. */
ct_status ct_call_touched(const ct_call *call, int i, ct_tensor *gx, const ct_tensor *index);
/* The rows of a gradient that may differ from 0, each once, as i64. NULL: any may. The gradient has
   the list until something else writes into it. */
ct_tensor *ct_touched_rows(const ct_tensor *g);
/* Will the call be recorded? If not, nobody reads auxiliaries, and they need not be set. */
bool ct_call_records(const ct_call *call);
ct_tensor *ct_call_zero(const ct_call *call, int i);           /* a gx[i] that is zero, for free */
/* In `vjp`: the shape that gx[i] must have; returns its number of dimensions. It is x[i]'s, but for
   several cotangents at once (CT_OP_BATCHED), where their axis is in front of it. */
int ct_call_gx_shape(const ct_call *call, int i, int64_t shape[CT_MAX_DIMS]);
/* In `vjp`: g, summed as ct_sum_to does it to the shape that gx[i] must have. */
ct_tensor *ct_call_sum(const ct_call *call, int i, ct_tensor *g);
/* In `infer`: the dtype and the shape of output i, or (ct_call_set_aux) of auxiliary i. */
ct_status ct_call_set_y(ct_call *call, int i, ct_dtype dtype, const int64_t *shape, int ndim);
ct_status ct_call_set_aux(ct_call *call, int i, ct_dtype dtype, const int64_t *shape, int ndim);
/* Says that `who`, a string that stays, does or tells what a replay of a program (program.h) would
   leave out: if a program notes this run, it stays eager, and names `who`. In a replay `forward`
   and `backward` are called as ever. `infer`, `vjp`, `jvp`, and functions that operators like
   ct_custom take are not: so one of these that has side effects says so by this call. */
void ct_call_once(ct_context *cx, const char *who);
/* memory that is gone when the callback returns */
void *ct_call_scratch(const ct_call *call, size_t bytes);
/* ct_fail, with the operator's name before the text and the inputs' shapes after it. Returns code.
   */
ct_status ct_call_fail(const ct_call *call, ct_status code, const char *format, ...)
    CT_PRINTF(3, 4);
/* In `infer` of a CT_OP_VIEW: makes y0 a view of x0. A view that leaves x0's memory is an error. A
   view whose elements share memory is read-only. */
ct_tensor *ct_view(ct_call *call, const int64_t *shape, const int64_t *strides, int ndim,
                   int64_t offset);
/* Calls body(i, arg) for 0 <= i < n, perhaps on several threads at once. body may read and write
   memory, but calls nothing of this library. */
void ct_parallel_for(ct_context *cx, int64_t n, void (*body)(int64_t i, void *arg), void *arg);
/* How many threads share work at most. No result may depend on it. */
int ct_threads_of(const ct_context *cx);
/* Calls body(begin, end, arg) for ranges of `grain` items, the last perhaps shorter, that make up
   0..n. The cut depends on n and grain only, and not on the number of threads, so the result need
   not depend on it either. Sharing out less than about 10 us of work costs more than it saves. */
void ct_parallel_ranges(ct_context *cx, int64_t n, int64_t grain,
                        void (*body)(int64_t begin, int64_t end, void *arg), void *arg);
/* Calls body(i, slot, arg) for 0 <= i < n, with 0 <= slot < slots. Calls that run at the same time
   have different slots, so each slot can have memory of its own, which stays in a thread's cache.
   No result may depend on which i has which slot. */
void ct_parallel_slots(ct_context *cx, int64_t n, int64_t slots,
                       void (*body)(int64_t i, int64_t slot, void *arg), void *arg);
/* How many slots these are best, if each takes so many bytes: one for each thread, but no more than
   there are calls, and than 64 MiB hold. At least 1. */
int64_t ct_slots_of(const ct_context *cx, int64_t n, size_t bytes);

/* -- Random numbers inside `forward`. Take n draws from the stream, and then compute them in any
 * order: they are the same numbers for any number of threads. */
/* Takes n draws, and returns the number of the first one. */
uint64_t ct_call_draws(const ct_call *call, int64_t n);
/* Draw number i of the stream with this seed: 64 uniform bits. Several threads may call it
   at once. */
uint64_t ct_random_at(uint64_t seed, uint64_t i);
/* n draws, from number `start` on, several times as fast as one by one. Several
   threads may call it at once. */
void ct_random_fill(const ct_context *cx, uint64_t seed, uint64_t start, uint64_t *out, int64_t n);
uint64_t ct_call_seed(const ct_call *call);    /* the seed of the stream */

/* -- Loops over strided operands. The shapes are broadcast together, dimensions that continue each
 * other in memory are merged, and `body` is called for runs of n elements. data[k] points to
 * operand k's first element, and stride[k] is the distance to its next one, in elements; 0 means
 * that the element is repeated. If all operands are contiguous and of one shape, there is one run,
 * and all strides are 1.
 *
 *   static void multiply(int64_t n, void *const *data, const int64_t *stride, const void *arg)
 *   {
 *       double *y = data[0];
 *       const double *a = data[1], *b = data[2];
 *       (void)arg;
 *       for (int64_t i = 0; i < n; i++)
 *           y[i * stride[0]] = a[i * stride[1]] * b[i * stride[2]];
 *   }
 *
 *   static ct_status product_forward(ct_call *call)
 *   {
 *       ct_tensor *y = ct_call_y(call, 0), *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
 *       ct_loop(CT_TENSORS(y, a, b), multiply, NULL);
 *       return CT_OK;
 *   }
 */
/* What is done with a run of n elements. */
typedef void (*ct_loop_body)(int64_t n, void *const *data, const int64_t *stride, const void *arg);
/* Loops over at most 8 operands. Operand 0 is written and must not repeat elements (its version is
   not counted up); the others are read. The order of the runs is free, and large loops are shared
   out among threads. Operands that are transposed, or repeated in short runs, may be copied piece
   by piece: so body must read the elements only, and nothing beside them. */
void ct_loop(ct_tensor *const *operands, int n, ct_loop_body body, const void *arg);
/* An operand of ct_loop_over. */
typedef struct ct_operand {
    void *data;
    size_t size;                               /* of an element, in bytes */
    const int64_t *strides;                    /* one per dimension, in elements; 0 repeats */
} ct_operand;
/* Loops as ct_loop does, but on the caller's thread, in order; any operand may be written. */
void ct_loop_over(const int64_t *shape, int ndim, const ct_operand *operands, int n,
                  ct_loop_body body, const void *arg);

/* -- Elementwise kernels: y[i] = f(in[0][i], in[1][i], ...) for i < n, all with stride 1, so that a
 * compiler vectorizes the loop. y may be in[0]. `attributes` are the call's. kernels.h begins with
 * an example. */
/* The loop of an elementwise operator. */
typedef void (*ct_kernel)(int64_t n, void *y, void *const *in, const void *attributes);
enum { CT_DTYPES = CT_BOOL + 1, CT_SIMDS = CT_SIMD_AVX512 + 1 }; /* sizes of tables by these */
/* A kernel for each dtype and kind of processor. */
typedef struct ct_kernels {
    ct_kernel by[CT_DTYPES][CT_SIMDS];         /* kernels.h: CT_KERNEL_TABLE */
    bool streams;                              /* a y of 32 MiB or more goes past the caches: for
                                                  an f that takes less time than memory does */
} ct_kernels;
/* operands[0] = f(the others), or += if `adds`. The others may have any strides and are broadcast;
   operands[0] is contiguous, and none of the others is larger. There are at most 5 operands, of one
   dtype: f32, f64, or i64, whose sums wrap. */
void ct_loop_kernel(const ct_call *call, ct_tensor *const *operands, int n, const ct_kernels *k,
                    bool adds);

/* -- Reductions. y0 is x0 without the axes whose bits are set in `reduced`, or with size 1 there.
 * Both have one dtype. A fold keeps `planes` numbers of that dtype for each result: the first
 * number of all results, then the second of all, and so on. The elements come in blocks, and
 * element i of result j is x[j * sm + i * sn]. A block has up to 64 elements for each result, or up
 * to 4096 if they are nearer to each other in memory than results are. The cut into blocks and
 * parts depends on x0's shape and strides alone, so the bits are the same for any number of
 * threads. The callbacks call nothing of this library. The sum of x^2 along each row, for f64
 * (docs/adding_an_op.md has it for all dtypes):
 *
 *   static void start(int64_t m, void *kept)
 *   {
 *       for (int64_t j = 0; j < m; j++)
 *           ((double *)kept)[j] = 0;
 *   }
 *   static void fold(int64_t m, int64_t n, void *kept, const void *x, int64_t sm, int64_t sn)
 *   {
 *       for (int64_t j = 0; j < m; j++)
 *           for (int64_t i = 0; i < n; i++) {
 *               double element = ((const double *)x)[j * sm + i * sn];
 *               ((double *)kept)[j] += element * element;
 *           }
 *   }
 *   static void join(int64_t m, void *kept, const void *with)
 *   {
 *       for (int64_t j = 0; j < m; j++)
 *           ((double *)kept)[j] += ((const double *)with)[j];
 *   }
 *   static void finish(int64_t m, const void *kept, void *y, int64_t stride, void *arg)
 *   {
 *       (void)arg;
 *       for (int64_t j = 0; j < m; j++)
 *           ((double *)y)[j * stride] = ((const double *)kept)[j];
 *   }
 *
 *   static ct_status square_sum_forward(ct_call *call)
 *   {
 *       static const ct_fold sum = { 1, start, fold, join, finish };
 *       return ct_reduce(call, 2, &sum, NULL);
 *   }
 */
/* Limits of ct_fold. */
enum {
    CT_FOLD_PLANES = 3,                        /* planes at most */
    CT_FOLD_WIDTH = 1024                       /* results in one call at most */
};
/* How a reduction is computed. */
typedef struct ct_fold {
    int planes;                                /* how many numbers it keeps for each result */
    /* sets `kept` as for no elements */
    void (*start)(int64_t m, void *kept);
    /* adds n more elements to each of m results */
    void (*fold)(int64_t m, int64_t n, void *kept, const void *x, int64_t sm, int64_t sn);
    /* adds the numbers `with`, which were kept for later elements */
    void (*join)(int64_t m, void *kept, const void *with);
    /* writes result j to y[j * stride]; arg is ct_reduce's */
    void (*finish)(int64_t m, const void *kept, void *y, int64_t stride, void *arg);
} ct_fold;
/* Reduces x0 to y0 in `forward`. Bit i of `reduced` says that axis i is reduced. */
ct_status ct_reduce(const ct_call *call, unsigned reduced, const ct_fold *fold, void *arg);

/* -- The operators defined with the engine: ct_add, ct_broadcast_to, ct_sum_to */
/* the objects of these operators */
extern const ct_op ct_add_op, ct_broadcast_to_op, ct_sum_to_op;

CT_API_END
#endif
