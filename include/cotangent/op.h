/* How to define an operator. ops/ has nothing more than this.
 *
 * An operator is one constant object; applying it is ct_apply(&op, &attributes, inputs, n).
 *
 * What happens when it is applied: `infer` checks the inputs and says what the outputs are (the
 * engine makes them: contiguous, uninitialized); `forward` fills them; if an input requires grad
 * and recording is on, y keeps the operator, a copy of the attributes, its inputs (their shapes
 * always, their data where `saves` says so) and its auxiliaries. In the walk backward `vjp` or
 * `backward` turn the cotangents gy of the outputs into the cotangents gx of the inputs.
 *
 * In every callback: report failure with ct_call_fail (or any failing call) and a status; return
 * nothing but CT_OK otherwise. Tensors made inside belong to a scope that the engine opens round
 * it. Recording is off in `forward` and `backward`, and inside `vjp` as the caller of the walk
 * asked (CT_CREATE_GRAPH). */
#ifndef COTANGENT_OP_H
#define COTANGENT_OP_H
#include <cotangent/autograd.h>

/* -- Code for one kind of processor: functions between CT_SIMD_BEGIN_AVX2 (or _AVX512) and
 * CT_SIMD_END. Where CT_SIMD_X86 is not defined, there is CT_SIMD_PLAIN only. kernels.h does this
 * for a whole file of kernels */
#if defined(__clang__) && defined(__x86_64__)
#define CT_SIMD_X86 1
#define CT__SIMD_BEGIN(kind)                                                                    \
    CT__PRAGMA(clang attribute push(__attribute__((target(kind))), apply_to = function))
#define CT_SIMD_BEGIN_AVX2   CT__SIMD_BEGIN("avx2,fma")
#define CT_SIMD_BEGIN_AVX512 CT__SIMD_BEGIN("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#define CT_SIMD_END          CT__PRAGMA(clang attribute pop)
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

#define CT_SAVE_X(i)    (1u << (i))            /* input i, 0..7 */
#define CT_SAVE_ALL_X   0x0000ffffu            /* for any number of inputs */
#define CT_SAVE_Y(i)    (0x10000u << (i))      /* output i, 0..7 */
#define CT_SAVE_AUX     0x01000000u            /* all auxiliaries */
enum {
    CT_OP_CONSTANT = 1,      /* no derivative is wanted (argmax, sign): never recorded, no error */
    CT_OP_BROADCAST = 2,     /* gx may have y's shape, the engine sums it to x's; else an error */
    CT_OP_CONTIGUOUS = 4,    /* inputs and cotangents are made contiguous before the callbacks */
    CT_OP_VIEW = 8,          /* y is a view of x0, made in `infer` with ct_view; `forward` runs too,
                                where there is one: for what no strides can say, see reshape */
    CT_OP_RANDOM = 16,       /* draws: checker and checkpoint rewind the stream */
    CT_OP_UPDATE = 32,       /* writes into its inputs; has no output; never recorded */
    CT_OP_IN_PLACE = 64      /* of one output: `backward` may find gx[i] to be gy[0], for the last
                                wanted i: it writes that gx last, and reads an element of gy
                                before it writes there and no other after */
};

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
    const void *reserved[3];
} ct_op;

/* apply it; ct_apply returns output 0, ct_apply_all all of them (y NULL for CT_OP_UPDATE). Errors:
   a number of inputs that the operator does not take, NULL or stale inputs, inputs of different
   contexts, attributes NULL though it has some */
ct_tensor *ct_apply(const ct_op *op, const void *attributes, ct_tensor *const *x, int n);
ct_status ct_apply_all(const ct_op *op, const void *attributes, ct_tensor *const *x, int n,
                       ct_tensor **y);

/* -- Ready-made inference: the same dtype throughout, f32 or f64 */
ct_status ct_infer_same(ct_call *call);        /* y like x0; all x of one shape */
ct_status ct_infer_broadcast(ct_call *call);   /* y is all x broadcast together */
ct_status ct_infer_scalar(ct_call *call);      /* y is 0-d */
/* every input's dtype is x0's, and f32 or f64; an error that names ct_cast otherwise */
ct_status ct_call_check_float(const ct_call *call);
/* axis (negative: from the end) of a tensor of ndim dimensions -> 0..ndim-1; -1 and an error */
int ct_call_axis(const ct_call *call, int64_t axis, int ndim);

/* -- Inside the callbacks */
ct_context *ct_call_context(const ct_call *call);
const ct_op *ct_call_op(const ct_call *call);
const void *ct_call_attributes(const ct_call *call);
int ct_call_inputs(const ct_call *call);
ct_tensor *ct_call_x(const ct_call *call, int i);
ct_tensor *ct_call_y(const ct_call *call, int i);
ct_tensor *ct_call_aux(const ct_call *call, int i);
bool ct_call_wants(const ct_call *call, int i);                /* is gx[i] wanted? */
bool ct_call_adds(const ct_call *call, int i);                 /* backward: add, or store? */
/* will it be recorded? If not, nobody reads auxiliaries: they need not be set */
bool ct_call_records(const ct_call *call);
ct_tensor *ct_call_zero(const ct_call *call, int i);           /* a gx[i] that is zero, for free */
ct_status ct_call_set_y(ct_call *call, int i, ct_dtype dtype, const int64_t *shape, int ndim);
ct_status ct_call_set_aux(ct_call *call, int i, ct_dtype dtype, const int64_t *shape, int ndim);
void *ct_call_scratch(const ct_call *call, size_t bytes);      /* gone when the callback returns */
/* ct_fail with the operator's name before and its inputs' shapes after; returns code */
ct_status ct_call_fail(const ct_call *call, ct_status code, const char *format, ...)
    CT_PRINTF(3, 4);
ct_tensor *ct_view(ct_call *call, const int64_t *shape, const int64_t *strides, int ndim,
                   int64_t offset);            /* of x0, bounds checked; for CT_OP_VIEW */
/* body(i, arg) for 0 <= i < n, perhaps on several threads at once: body may read and write memory,
   but calls nothing of this library */
void ct_parallel_for(ct_context *cx, int64_t n, void (*body)(int64_t i, void *arg), void *arg);
int ct_threads_of(const ct_context *cx); /* at most so many share; no result may depend on it */
/* body(begin, end, arg) for ranges of `grain` items (the last may be shorter) that make up 0..n.
 * The cut depends on n and grain only, never on the number of threads: nor shall the result. To
 * share out less than some 10 us of work costs more than it saves */
void ct_parallel_ranges(ct_context *cx, int64_t n, int64_t grain,
                        void (*body)(int64_t begin, int64_t end, void *arg), void *arg);
/* -- Random numbers inside `forward`: take n draws' worth of counters from the stream, then compute
 * any of them in any order: the same numbers for any number of threads */
uint64_t ct_call_draws(const ct_call *call, int64_t n); /* start of n draws */
/* draw number `i` (start + k) of the stream with this seed: uniform 64 bits */
uint64_t ct_random_at(uint64_t seed, uint64_t i);
/* n of them, from number `start` on: several times as quick. Threads may call these two */
void ct_random_fill(const ct_context *cx, uint64_t seed, uint64_t start, uint64_t *out, int64_t n);
uint64_t ct_call_seed(const ct_call *call);

/* -- Loops over strided operands. The shapes are broadcast together, dimensions that lie one behind
 * another are merged, and `body` is called for runs of n elements: data[k] points to operand k's
 * first, stride[k] counts elements from one to the next (0: it is repeated, as a reduction's output
 * is). Where all are contiguous and of one shape, that is one call with all strides 1.
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
typedef void (*ct_loop_body)(int64_t n, void *const *data, const int64_t *stride, const void *arg);
/* At most 8 operands: operand 0 is written (no version is bumped) and repeats nowhere, the others
 * are read. The order of the runs is free: large loops are shared out among threads, and operands
 * that lie across the runs, as transposed ones do, or are to be repeated in short ones, are copied
 * for them, piece by piece: so body reads elements, and nothing beyond them */
void ct_loop(ct_tensor *const *operands, int n, ct_loop_body body, const void *arg);
typedef struct ct_operand {
    void *data;
    size_t size;                               /* of an element, in bytes */
    const int64_t *strides;                    /* one per dimension, in elements; 0 repeats */
} ct_operand;
/* on the caller's thread, from the first to the last; any operand may be written */
void ct_loop_over(const int64_t *shape, int ndim, const ct_operand *operands, int n,
                  ct_loop_body body, const void *arg);

/* -- Elementwise kernels: loops over the plainest layout, which a compiler vectorizes.
 * y[i] = f(in[0][i], in[1][i], ...) for i < n; y may be in[0]. `attributes` are the call's.
 * kernels.h begins with an example */
typedef void (*ct_kernel)(int64_t n, void *y, void *const *in, const void *attributes);
enum { CT_DTYPES = CT_BOOL + 1, CT_SIMDS = CT_SIMD_AVX512 + 1 }; /* sizes of tables by these */
typedef struct ct_kernels {
    ct_kernel by[CT_DTYPES][CT_SIMDS];         /* kernels.h: CT_KERNEL_TABLE */
    bool streams;                              /* a y of 32 MiB or more goes past the caches: for
                                                  an f that takes less time than memory does */
} ct_kernels;
/* operands[0] = f(the others), or += where it `adds`; any strides, broadcast; operands[0] is
 * contiguous and none of the others is larger. At most 5 operands of one dtype: f32, f64, or i64,
 * whose sums wrap where it `adds` */
void ct_loop_kernel(const ct_call *call, ct_tensor *const *operands, int n, const ct_kernels *k,
                    bool adds);

/* -- Reductions. y0 is x0 without the axes whose bits are set in `reduced`, or with them of size 1;
 * both are of one dtype. A fold keeps `planes` numbers of that dtype per result, all first ones,
 * then all second ones, and so on; the elements come in blocks: element i of result j is
 * x[j * sm + i * sn]. A block has up to 64 elements per result, or up to 4096 where they are
 * nearer to each other than results are. The cut into blocks and parts depends on x0's shape and
 * strides alone: the same bits for any number of threads. The callbacks call nothing of this
 * library. Of f64, the sum of x^2 along each row of x (docs/adding_an_op.md has it for all dtypes):
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
enum { CT_FOLD_PLANES = 3, CT_FOLD_WIDTH = 1024 }; /* at most: planes; results m in one call */
typedef struct ct_fold {
    int planes;
    void (*start)(int64_t m, void *kept);                      /* as of no elements */
    /* n more elements for each of m results */
    void (*fold)(int64_t m, int64_t n, void *kept, const void *x, int64_t sm, int64_t sn);
    void (*join)(int64_t m, void *kept, const void *with);     /* what comes from later elements */
    /* results j at y[j * stride]; arg is ct_reduce's */
    void (*finish)(int64_t m, const void *kept, void *y, int64_t stride, void *arg);
} ct_fold;
ct_status ct_reduce(const ct_call *call, unsigned reduced, const ct_fold *fold, void *arg);

/* -- The operators defined with the engine: ct_add, ct_broadcast_to, ct_sum_to */
extern const ct_op ct_add_op, ct_broadcast_to_op, ct_sum_to_op;

CT_API_END
#endif
