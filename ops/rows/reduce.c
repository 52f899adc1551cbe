/* Reductions. Sum is the engine's sum_to; mean, variance and standard deviation are made of it, and
 * so are their derivatives:
 *
 *   mean = sum x / n          var = sum (x - mean)^2 / n          std = |x - mean| / sqrt n
 *
 * For these two x is centered twice: numbers that are nearly equal differ from each other by no
 * more than their mean was rounded, and the second mean takes that off.
 *
 * Extremes are operators. y = max x is x where it is attained, so the cotangent goes there. Where k
 * elements are equal each gets 1/k of it: among all choices that add up to gy the symmetric one. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <math.h>

#include "axes.h"
#include "lines.h"

typedef struct row {
    int64_t length, stride;
} row;

/* Where ties are counted: `counts` is laid out as the results y are. */
typedef struct ties {
    void *y, *counts;
} ties;

typedef struct extreme_kernels {
    const ct_fold *folds; /* one that does not count ties, one that does */
    ct_loop_body place, back;
} extreme_kernels;

/* gcc makes one vector operation of a loop over lanes only if it does not unroll the loop first. */
#if defined(__GNUC__) && !defined(__clang__)
#define AS_LOOP _Pragma("GCC unroll 1")
#else
#define AS_LOOP
#endif

/* Asks for `bytes` bytes that lie 2 KiB after x. Without this, the time per element is 0.19 or 0.28
 * ns, depending on where the loads' instructions happen to lie. */
static inline void fetch_ahead(const void *x, size_t bytes)
{
#if defined(__GNUC__)
    for (size_t at = 2048; at < 2048 + bytes; at += 64)
        __builtin_prefetch((const void *)((uintptr_t)x + at));
#else
    (void)x, (void)bytes;
#endif
}

/* Inlining these functions would only make the library larger. */
#if defined(__GNUC__)
#define NOT_INLINED static __attribute__((noinline))
#else
#define NOT_INLINED static
#endif

/* Memory sets the speed: vectors wider than those of AVX2 gain nothing, nor do any for i64. */
#define CT_KERNELS     "reduce_kernels.h"
#define CT_KERNELS_I64 int64_t
#define CT_KERNELS_TAG _max
#define BEATS(a, b)    ((a) > (b))
#include <cotangent/kernels.h>
static const extreme_kernels *const max_kernels[][CT_SIMDS] = CT_KERNEL_TABLE(kernels_max);
#undef BEATS
#define CT_KERNELS     "reduce_kernels.h"
#define CT_KERNELS_I64 int64_t
#define CT_KERNELS_TAG _min
#define BEATS(a, b)    ((a) < (b))
#include <cotangent/kernels.h>
static const extreme_kernels *const min_kernels[][CT_SIMDS] = CT_KERNEL_TABLE(kernels_min);

enum { MAX, MIN };

static const extreme_kernels *kernels_for(const ct_call *call, int extreme)
{
    return CT_KERNEL_OF(extreme == MAX ? max_kernels : min_kernels, ct_call_x(call, 0));
}

/* -- sum, mean, var */
static ct_tensor *sum(ct_tensor *x, ct__reduction r)
{
    int64_t shape[CT_MAX_DIMS];
    bool leading = !(r.axes & (r.axes + 1)); /* sum_to drops leading axes by itself */
    int ndim = ct__reduced_shape(x, (ct__reduction){ r.axes, r.keep || !leading }, shape);
    ct_tensor *y = ct_sum_to(x, shape, ndim);
    if (r.keep || leading)
        return y;
    ndim = ct__reduced_shape(x, r, shape);
    return ct_reshape(y, shape, ndim);
}

/* This divides, instead of multiplying by 1/n, so that the mean of equal numbers is that number. */
static ct_tensor *divided(ct_tensor *total, int64_t n)
{
    return ct_div(total, ct_scalar_like(total, (double)n));
}

/* x - mean x, where the mean has been rounded. */
static ct_tensor *centered(ct_tensor *x, unsigned axes, int64_t n)
{
    return ct_sub(x, divided(sum(x, (ct__reduction){ axes, true }), n));
}

ct_tensor *ct_sum_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct__reduction r;
    return ct__reduction_of(&r, x, "sum", axes, n, flags) ? sum(x, r) : NULL;
}

ct_tensor *ct_mean_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct__reduction r;
    if (!ct__reduction_of(&r, x, "mean", axes, n, flags) || !ct__is_float(x, "mean"))
        return NULL;
    return divided(sum(x, r), ct__group(x, r));
}

ct_tensor *ct_var_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct__reduction r;
    unsigned own = CT_UNBIASED;
    if (!ct__reduction_of(&r, x, "var", axes, n, flags & ~own) || !ct__is_float(x, "var"))
        return NULL;
    int64_t count = ct__group(x, r), divisor = flags & own ? count - 1 : count;
    ct_tensor *far = centered(centered(x, r.axes, count), r.axes, count);
    return divided(sum(ct_square(far), r), divisor > 0 ? divisor : 0);
}

/* The norm of what is left of x without its mean, over sqrt n: no square overflows, and the norm
 * has a derivative where it is 0. */
ct_tensor *ct_std_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct__reduction r;
    unsigned own = CT_UNBIASED;
    if (!ct__reduction_of(&r, x, "std", axes, n, flags & ~own) || !ct__is_float(x, "std"))
        return NULL;
    int64_t count = ct__group(x, r), divisor = flags & own ? count - 1 : count;
    ct_tensor *far = centered(centered(x, r.axes, count), r.axes, count);
    ct_tensor *root = ct_scalar_like(x, sqrt(divisor > 0 ? (double)divisor : 0));
    return ct_div(ct_norm_over(far, 2, axes, n, flags & ~own), root);
}

/* -- max, min */
static ct_status check_some(const ct_call *call, int64_t group)
{
    if (ct_dtype_of(ct_call_x(call, 0)) == CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "bool has no order; ct_cast it");
    if (group == 0 && ct_count(ct_call_y(call, 0)) > 0)
        return ct_call_fail(call, CT_ERROR_SHAPE, "no elements to choose from");
    return CT_OK;
}

static ct_status extreme_infer(ct_call *call)
{
    const ct__reduction *r = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    ct_status status = ct__infer_reduced(call);
    if (status == CT_OK)
        status = check_some(call, ct__group(x, *r));
    if (status != CT_OK || !ct_call_records(call))
        return status;
    const ct_tensor *y = ct_call_y(call, 0);
    return ct_call_set_aux(call, 0, ct_dtype_of(x), ct_shape(y), ct_ndim(y));
}

static ct_status extreme(ct_call *call, int which)
{
    const ct__reduction *r = ct_call_attributes(call);
    const ct_fold *folds = kernels_for(call, which)->folds;
    if (!ct_call_records(call))
        return ct_reduce(call, r->axes, &folds[0], NULL);
    ties to = { ct_data_mutable(ct_call_y(call, 0)), ct_data_mutable(ct_call_aux(call, 0)) };
    return ct_reduce(call, r->axes, &folds[1], &to);
}

/* gx_i = gy / k where x_i = y, which k elements are; else 0. A NaN counts as equal to a NaN. Where
 * x = y and how often is locally constant, so only gy is differentiated further */
static ct_status extreme_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct__kept(call, ct_call_y(call, 0));
    ct_tensor *is_y = ct_where(ct_ne(y, y), ct_ne(x, x), ct_eq(x, y));
    ct_tensor *share = ct__kept(call, ct_div(gy[0], ct_call_aux(call, 0)));
    gx[0] = ct_where(is_y, share, ct_scalar_like(x, 0));
    return CT_OK;
}

static ct_status extreme_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_tensor *g = ct__kept(call, gy[0]), *y = ct__kept(call, ct_call_y(call, 0));
    ct_tensor *count = ct__kept(call, ct_call_aux(call, 0));
    bool adds = ct_call_adds(call, 0);
    if (!g || !y || !count)
        return CT_ERROR_MEMORY;
    ct_loop(CT_TENSORS(gx[0], g, ct_call_x(call, 0), y, count), kernels_for(call, MAX)->back,
            &adds);
    return CT_OK;
}

#define EXTREME(id, which)                                                                      \
    static ct_status id##_forward(ct_call *call)                                                \
    {                                                                                           \
        return extreme(call, which);                                                            \
    }                                                                                           \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = "y = " #id " x",                                                             \
        .derivative = "gx = g [x = y] / k where k elements equal y",                            \
        .inputs = 1,                                                                            \
        .flags = CT_OP_BATCHED,                                                                 \
        .saves = CT_SAVE_X(0) | CT_SAVE_Y(0) | CT_SAVE_AUX,                                     \
        .attributes_size = sizeof(ct__reduction),                                               \
        .infer = extreme_infer,                                                                 \
        .forward = id##_forward,                                                                \
        .vjp = extreme_vjp,                                                                     \
        .backward = extreme_backward,                                                           \
        .jvp = ct__reduced_jvp,                                                                 \
        .sample = ct__sample_reduction,                                                         \
    };                                                                                          \
    ct_tensor *ct_##id##_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)         \
    {                                                                                           \
        ct__reduction r;                                                                        \
        bool right = ct__reduction_of(&r, x, #id, axes, n, flags);                              \
        return right ? ct_apply(&ct__##id##_op, &r, &x, 1) : NULL;                              \
    }
EXTREME(max, MAX)
EXTREME(min, MIN)

/* -- argmax, argmin */
static ct_status place_infer(ct_call *call)
{
    const int64_t *wanted = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS];
    int axis = ct_call_axis(call, *wanted, ct_ndim(x));
    if (axis < 0)
        return CT_ERROR_RANGE;
    int ndim = ct__reduced_shape(x, (ct__reduction){ 1u << axis, false }, shape);
    ct_status status = ct_call_set_y(call, 0, CT_I64, shape, ndim);
    return status == CT_OK ? check_some(call, ct_size(x, axis)) : status;
}

static ct_status place(const ct_call *call, int which)
{
    const int64_t *wanted = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int axis = ct_call_axis(call, *wanted, ct_ndim(x));
    row r = { ct_size(x, axis), ct_strides(x)[axis] };
    ct__loop_lines(CT_TENSORS(y, x), axis, kernels_for(call, which)->place, &r);
    return CT_OK;
}

static int place_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(int64_t *)attributes = k - 1;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
    return 1;
}

#define PLACE(id, which, extreme)                                                               \
    static ct_status id##_forward(ct_call *call)                                                \
    {                                                                                           \
        return place(call, which);                                                              \
    }                                                                                           \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = "y = index of " extreme " x along the axis",                                 \
        .derivative = "none",                                                                   \
        .inputs = 1,                                                                            \
        .flags = CT_OP_CONSTANT,                                                                \
        .attributes_size = sizeof(int64_t),                                                     \
        .infer = place_infer,                                                                   \
        .forward = id##_forward,                                                                \
        .sample = place_sample,                                                                 \
    };                                                                                          \
    ct_tensor *ct_##id(ct_tensor *x, int axis)                                                  \
    {                                                                                           \
        return ct_apply(&ct__##id##_op, &(int64_t){ axis }, &x, 1);                             \
    }
PLACE(argmax, MAX, "max")
PLACE(argmin, MIN, "min")

/* -- Over all axes */
#define ALL(name)                                                                               \
    ct_tensor *ct_##name(ct_tensor *x)                                                          \
    {                                                                                           \
        return ct_##name##_over(x, NULL, 0, 0);                                                 \
    }
ALL(sum)
ALL(mean)
ALL(max)
ALL(min)
ALL(var)
ALL(std)
