/* Contexts, errors, scopes, memory, randomness.
 *
 * A context holds everything: tensors, errors, the random stream, threads. There is nothing
 * global. One context serves one thread at a time; two contexts in two threads know nothing of
 * each other.
 *
 * THE RULES, once for the whole library
 * - Lists are a pointer and a count, in that order; CT_SHAPE(2, 3), CT_AXES(0, -1), CT_INDEX(i, j),
 *   CT_TENSORS(a, b) and CT_DOUBLES(1, 2, 3) write both arguments. Axes and indices may be
 *   negative: from the end.
 * - Option structs: NULL, or a zeroed struct with what differs:
 *   &(ct_adam_options){ .beta1 = 0.8 }. Zero always means "the default"; switches are named by
 *   their unusual side. `reserved` must be zero (a struct never zeroed is caught).
 * - A failing call returns NULL, NaN, -1 or a status, and the context remembers the first error.
 *   An operator given NULL returns NULL. Where NULL is a permitted argument, it counts as a
 *   failed one while an error is pending.
 * - Text (ct_text, ct_graph_text, ...) is valid until the innermost open scope ends; ct_error_text
 *   until the error is cleared. Out of memory, it is NULL. Texts write every NaN as nan. Nothing
 *   prints.
 * - A message needs a context: where every operand is NULL there is none. So check the last
 *   result of a chain, then ask ct_error_text, which then says that a NULL was passed in.
 * - Never raised: signals, exceptions, abort, exit. Never changed: locale, rounding mode,
 *   environment, BLAS threads. */
#ifndef COTANGENT_CONTEXT_H
#define COTANGENT_CONTEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- The version of these headers; ct_version is that of the library */
#define CT_VERSION_MAJOR 0 /* of 0.1.0 */
#define CT_VERSION_MINOR 1 /* of 0.1.0 */
#define CT_VERSION_PATCH 0 /* of 0.1.0 */
/* one number, to be compared: #if CT_VERSION >= CT_VERSION_OF(0, 2, 0) */
#define CT_VERSION_OF(major, minor, patch) ((major) * 1000000 + (minor) * 1000 + (patch))
#define CT_VERSION CT_VERSION_OF(CT_VERSION_MAJOR, CT_VERSION_MINOR, CT_VERSION_PATCH)
/* and as a text: "0.1.0" */
#define CT_VERSION_TEXT \
    CT__TEXT(CT_VERSION_MAJOR) "." CT__TEXT(CT_VERSION_MINOR) "." CT__TEXT(CT_VERSION_PATCH)
#define CT__TEXT(word)    CT__TEXT_OF(word)
#define CT__TEXT_OF(word) #word

/* -- For declarations */
/* behind a function like printf: a compiler then checks the arguments. f is the number of the
   format among the parameters, and a that of the first argument */
#if defined(__GNUC__)
#define CT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CT_PRINTF(f, a)
#endif

#if defined(__GNUC__) && !defined(CT_HIDDEN)
#define CT__VISIBLE _Pragma("GCC visibility push(default)")
#define CT__VISIBLE_END _Pragma("GCC visibility pop")
#else
#define CT__VISIBLE
#define CT__VISIBLE_END
#endif
/* CT_API_BEGIN and CT_API_END stand round the declarations of a header: they have C linkage, and
   are seen outside of the library */
#ifdef __cplusplus
#define CT_API_BEGIN extern "C" { CT__VISIBLE
#define CT_API_END CT__VISIBLE_END }
#else
#define CT_API_BEGIN CT__VISIBLE
#define CT_API_END CT__VISIBLE_END
#endif

#ifdef __cplusplus
#include <initializer_list>
#include <tuple>
#endif

/* -- Lists, written as both arguments: a pointer and a count */
/* of any type: CT_LIST(float, 1, 2) */
#ifdef __cplusplus
#define CT_LIST(type, ...)                                      \
    (std::initializer_list<type>{__VA_ARGS__}).begin(),         \
        (int)std::tuple_size<decltype(std::make_tuple(__VA_ARGS__))>::value
#else
#define CT_LIST(type, ...) \
    (type const[]){__VA_ARGS__}, (int)(sizeof((type const[]){__VA_ARGS__}) / sizeof(type))
#endif
/* of int64_t: CT_SHAPE(2, 3), CT_AXES(0, -1), CT_INDEX(i, j), CT_SIZES(784, 10). CT_DOUBLES is for
   numbers of type double, and CT_TENSORS for tensors */
#define CT_SHAPE(...)   CT_LIST(int64_t, __VA_ARGS__)
#define CT_AXES(...)    CT_LIST(int64_t, __VA_ARGS__)
#define CT_INDEX(...)   CT_LIST(int64_t, __VA_ARGS__)
#define CT_SIZES(...)   CT_LIST(int64_t, __VA_ARGS__)
#define CT_DOUBLES(...) CT_LIST(double, __VA_ARGS__)
#define CT_TENSORS(...) CT_LIST(ct_tensor *, __VA_ARGS__)

CT_API_BEGIN

/* -- Contexts */
/* what holds everything: ct_context_new makes one */
typedef struct ct_context ct_context;

/* how a call ended, and what ct_error tells */
typedef enum ct_status {
    CT_OK = 0,
    CT_ERROR_MEMORY = 1,       /* out of memory, or over the context's max_bytes */
    CT_ERROR_NULL = 2,         /* a NULL where none may be */
    CT_ERROR_SHAPE = 3,        /* sizes do not fit */
    CT_ERROR_DTYPE = 4,        /* dtypes differ, or this one has no meaning here */
    CT_ERROR_RANGE = 5,        /* axis, index, label or count out of range */
    CT_ERROR_VALUE = 6,        /* any other bad argument */
    CT_ERROR_CONTEXT = 7,      /* operands of different contexts */
    CT_ERROR_GRAPH = 8,        /* nothing to differentiate, no rule, not a leaf, no path */
    CT_ERROR_STALE = 9,        /* written after it was saved; used after its scope ended */
    CT_ERROR_FILE = 10,        /* cannot open, read, write */
    CT_ERROR_FORMAT = 11,      /* not what the format allows */
    CT_ERROR_CALLBACK = 12,    /* a function of yours failed without saying why */
    CT_ERROR_UNSUPPORTED = 13  /* not in this build */
} ct_status;

/* Where a context gets its memory from: all three are given, or none. Neither function may use the
   context: there no scope begins or ends, and nothing is allocated */
typedef struct ct_allocator {
    void *(*allocate)(size_t bytes, size_t alignment, void *user);
    void (*deallocate)(void *p, size_t bytes, void *user);
    void *user;
} ct_allocator;

/* which instructions kernels are made of */
typedef enum ct_simd {
    CT_SIMD_PLAIN = 1,         /* what every processor of the kind has */
    CT_SIMD_AVX2 = 2,          /* with FMA */
    CT_SIMD_AVX512 = 3         /* F, BW, DQ, VL */
} ct_simd;

/* what ct_context_new is told */
typedef struct ct_context_options {
    uint64_t seed;             /* of the random stream */
    int threads; /* 0: one, the caller's. -1: as many as cores. Results do not depend on it */
    int64_t max_bytes; /* live bytes beyond which calls fail with CT_ERROR_MEMORY; 0: no limit */
    /* freed memory kept for reuse at most; 0: 1.25 times the peak, or 64 MiB; -1: none (every block
       is then one call to the allocator, of the bytes that are needed and no more, which is what a
       sanitizer wants: the default under one) */
    int64_t pool_bytes;
    ct_allocator allocator;    /* zeroed: malloc and free */
    /* at the first error: the place for a breakpoint. It cannot clear the error, and must not
       release what the failing call was given */
    void (*on_error)(ct_status code, const char *text, void *user);
    /* the host's own pool. `threads` says how many it has: with 0 they may be 64, and operators set
       memory aside for each */
    void (*parallel_for)(int64_t n, void (*body)(int64_t i, void *), void *arg, void *user);
    void *user;                /* passed to the two above */
    ct_simd simd; /* 0: the widest this machine has. Else no wider than this: kernels of one width
                     round alike on every machine that has it */
    uint64_t reserved[8];
} ct_context_options;

/* a new context. NULL only for lack of memory or options not zeroed */
ct_context *ct_context_new(const ct_context_options *options);
/* frees all that was made in it: tensors, modules, optimizers, retained or not, so error paths
   need no other call. Their handles are dead after. Memory that another library still holds
   (ct_to_dlpack) goes when that gives it back. Refused, with an error, inside a callback of this
   context */
void ct_context_free(ct_context *cx);
const char *ct_version(void);                  /* the library's version: "0.1.0" */
ct_simd ct_simd_of(const ct_context *cx);      /* which instructions its kernels use */

/* -- Errors. Check the last result of a chain; then ask what went wrong. An error does not block
 * later calls */
/* the first error since ct_error_clear, or CT_OK; CT_ERROR_NULL for a NULL context */
ct_status ct_error(const ct_context *cx);
/* what went wrong: "matmul: inner sizes differ: (3,4) x w1 (5,2)"; never NULL */
const char *ct_error_text(const ct_context *cx);
void ct_error_clear(ct_context *cx);           /* forgets the error */
/* reports an error of your own, as printf would write it, and returns code */
ct_status ct_fail(ct_context *cx, ct_status code, const char *format, ...) CT_PRINTF(3, 4);
const char *ct_status_text(ct_status code);    /* it in a word: "shape", "dtype", ... */

/* -- Scopes. Every tensor and text that a call returns belongs to the innermost open scope and goes
 * with it; with none open, to the context. Modes (ct_no_grad, ct_inference) end with the scope they
 * were set in. Leaving a function without ending its scope is late, not lost: the end of an outer
 * scope ends those inside it. Ending a scope twice, or 0, does nothing.
 *
 * The library opens a scope round every callback: a forward, rule, hook or function, `release`,
 * `drop`, `finish`, on_error and parallel_for. What the callback makes, and the scopes and modes
 * that it leaves, end with it; a scope begun outside cannot be ended in it, which is an error. */
typedef uint64_t ct_scope;                     /* an open scope; 0: none */
ct_scope ct_scope_begin(ct_context *cx);       /* opens a scope; 0 on failure */
/* ends the scope, and with it the modes and all tensors and texts that belong to it */
void ct_scope_end(ct_context *cx, ct_scope scope);
/* opens a scope round a callback of yours: until it ends, a scope begun before it cannot be ended
   */
ct_scope ct_scope_begin_callback(ct_context *cx);

/* -- Randomness: counter-based (Philox 4x32-10), the same numbers on every machine and for any
 * number of threads. (Training is the same, bit for bit, for any number of threads on one machine
 * and build; across machines rounding differs.) */
void ct_seed(ct_context *cx, uint64_t seed);   /* restarts the stream */
uint64_t ct_random_u64(ct_context *cx);        /* a draw for your own use: shuffles, dice */
/* a place in the stream, to go on from there later, in another run too */
typedef struct ct_stream {
    uint64_t seed, draws;
} ct_stream;
ct_stream ct_random_stream(const ct_context *cx);              /* where the stream is now */
void ct_random_resume(ct_context *cx, ct_stream stream);       /* the stream goes on from there */

/* -- Memory */
/* what a context has taken, and what lives in it */
typedef struct ct_memory {
    /* in use by tensors, scopes and objects now, and at most so far; kept for reuse */
    int64_t live_bytes, peak_bytes, pool_bytes;
    int64_t tensors, nodes, retained, scopes;   /* alive now */
    int64_t allocations, deallocations; /* calls made to the allocator since the context began */
    int64_t reserved[6];
} ct_memory;
void ct_memory_stats(const ct_context *cx, ct_memory *out);    /* fills *out for cx */
void ct_memory_trim(ct_context *cx);           /* gives pooled memory back to the system */

/* -- Objects of the context: memory that libraries on top hang on it (modules, optimizers) */
/* an object of that size: zeroed, 64-byte aligned, from the context's pool. `finish` (or NULL) is
   called once with the object: by ct_object_free or, if the object was forgotten, by
   ct_context_free, which takes the newest first. It releases what the object retains and frees what
   it owns, other objects too, but not the object itself */
void *ct_object_new(ct_context *cx, size_t bytes, void (*finish)(void *object));
/* frees an object; NULL does nothing. Freeing one twice is CT_ERROR_STALE, where ct_object_alive
   can see it */
void ct_object_free(void *object);
/* true if the object was made with that `finish` and has not been freed. If it was freed: false,
   and CT_ERROR_STALE, which names `who`. NULL: false, without an error. A library on top calls this
   first in each of its functions.

   What was freed is recognized until its memory is used again by an object with the same `finish`,
   or goes back to the system (with ct_memory_trim, and at once in a context without a pool: then
   only a sanitizer sees it) */
bool ct_object_alive(const void *object, void (*finish)(void *object), const char *who);

CT_API_END
#endif
