/* Choice: comparisons, logic and tests, which make bool tensors and have no derivative, and
 * `where`, which picks.
 *
 * where(c, a, b): y_i = a_i if c_i else b_i, so ga_i = gy_i if c_i else 0, and gb_i the reverse.
 * The cotangent of what was not taken is chosen to be 0 and not multiplied by it: no infinity or
 * NaN on either side becomes 0 inf = NaN. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#define COMPARISONS                                \
    COMPARISON(eq, a == b)                         \
    COMPARISON(ne, a != b)                         \
    COMPARISON(lt, a < b)                          \
    COMPARISON(le, a <= b)                         \
    COMPARISON(gt, a > b)                          \
    COMPARISON(ge, a >= b)                         \
    COMPARISON(logical_and, (a != 0) & (b != 0))   \
    COMPARISON(logical_or, (a != 0) | (b != 0))    \
    COMPARISON(logical_xor, (a != 0) != (b != 0))

/* x - x is NaN for infinities and NaN, else 0 */
#define TESTS                                                              \
    TEST(logical_not, "y = x == 0", x == 0)                                \
    TEST(isnan, "y = x is NaN", IS_FLOAT && x != x)                        \
    TEST(isinf, "y = x is infinite", IS_FLOAT && x == x && x - x != x - x) \
    TEST(isfinite, "y = x is finite", !IS_FLOAT || x - x == 0)

/* of `where`: a's is taken where the condition holds, b's where it does not */
typedef struct branch {
    bool condition, adds;
} branch;

#define CT_KERNELS      "choice_kernels.h"
#define CT_KERNELS_F32  16
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  int64_t
#define CT_KERNELS_BOOL unsigned char
#include <cotangent/kernels.h>
static const ct_loop_body where[][CT_SIMDS] = CT_KERNEL_TABLE(where);
static const ct_loop_body where_back[][CT_SIMDS] = CT_KERNEL_TABLE(where_back);

/* y of `dtype`, its shape that of all inputs broadcast together; inputs from `first` on agree */
static ct_status infer(ct_call *call, int first, ct_dtype dtype)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = 0, inputs = ct_call_inputs(call);
    for (int i = first + 1; i < inputs; i++)
        if (ct_dtype_of(ct_call_x(call, i)) != ct_dtype_of(ct_call_x(call, first)))
            return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
    for (int i = 0; i < inputs; i++) {
        const ct_tensor *x = ct_call_x(call, i);
        if (!ct_broadcast_shape(shape, &ndim, ct_shape(x), ct_ndim(x)))
            return ct_call_fail(call, CT_ERROR_SHAPE, "shapes do not broadcast");
    }
    return ct_call_set_y(call, 0, dtype, shape, ndim);
}

/* -- Comparisons and logic: of any dtype. NaN differs from everything, from 0 too */
static ct_status compare_infer(ct_call *call)
{
    return infer(call, 0, CT_BOOL);
}

static ct_status compare(ct_call *call, const ct_loop_body (*comparison)[CT_SIMDS])
{
    ct_tensor *x = ct_call_x(call, 0);
    ct_loop(CT_TENSORS(ct_call_y(call, 0), x, ct_call_x(call, 1)), CT_KERNEL_OF(comparison, x),
            NULL);
    return CT_OK;
}

static int compare_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 2)
        return 0;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[1] = k == 0 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 3)) : ct_randn(cx, CT_F64, CT_SHAPE(3));
    return 2;
}

#define COMPARISON(id, expression)                                                              \
    static ct_status id##_forward(ct_call *call)                                                \
    {                                                                                           \
        static const ct_loop_body comparison[][CT_SIMDS] = CT_KERNEL_TABLE(id);                 \
        return compare(call, comparison);                                                       \
    }                                                                                           \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = "y = " #expression,                                                          \
        .derivative = "none",                                                                   \
        .inputs = 2,                                                                            \
        .flags = CT_OP_CONSTANT,                                                                \
        .infer = compare_infer,                                                                 \
        .forward = id##_forward,                                                                \
        .sample = compare_sample,                                                               \
    };                                                                                          \
    ct_tensor *ct_##id(ct_tensor *a, ct_tensor *b)                                              \
    {                                                                                           \
        return ct_apply(&ct__##id##_op, NULL, CT_TENSORS(a, b));                                \
    }
COMPARISONS

/* -- Tests of one tensor: of any dtype */
static ct_status test(ct_call *call, const ct_loop_body (*body)[CT_SIMDS])
{
    ct_tensor *x = ct_call_x(call, 0);
    ct_loop(CT_TENSORS(ct_call_y(call, 0), x), CT_KERNEL_OF(body, x), NULL);
    return CT_OK;
}

static int test_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = k == 0 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 3)) : ct_zeros(cx, CT_F64, NULL, 0);
    return k < 2 ? 1 : 0;
}

#define TEST(id, y_text, expression)                                                            \
    static ct_status id##_forward(ct_call *call)                                                \
    {                                                                                           \
        static const ct_loop_body body[][CT_SIMDS] = CT_KERNEL_TABLE(id);                       \
        return test(call, body);                                                                \
    }                                                                                           \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = y_text,                                                                      \
        .derivative = "none",                                                                   \
        .inputs = 1,                                                                            \
        .flags = CT_OP_CONSTANT,                                                                \
        .infer = compare_infer,                                                                 \
        .forward = id##_forward,                                                                \
        .sample = test_sample,                                                                  \
    };                                                                                          \
    ct_tensor *ct_##id(ct_tensor *x)                                                            \
    {                                                                                           \
        return ct_apply(&ct__##id##_op, NULL, &x, 1);                                           \
    }
TESTS

/* -- where */
static ct_status where_infer(ct_call *call)
{
    if (ct_dtype_of(ct_call_x(call, 0)) != CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "the condition is not bool; compare, or ct_cast");
    return infer(call, 1, ct_dtype_of(ct_call_x(call, 1)));
}

static ct_status where_forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    ct_loop(CT_TENSORS(y, ct_call_x(call, 0), ct_call_x(call, 1), ct_call_x(call, 2)),
            CT_KERNEL_OF(where, y), NULL);
    return CT_OK;
}

/* ga = where(c, gy, 0), gb = where(c, 0, gy); the condition is not differentiated */
static ct_status where_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *c = ct_call_x(call, 0), *zero = ct_scalar_like(gy[0], 0);
    if (ct_call_wants(call, 1))
        gx[1] = ct_where(c, gy[0], zero);
    if (ct_call_wants(call, 2))
        gx[2] = ct_where(c, zero, gy[0]);
    return CT_OK;
}

static ct_status where_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    for (int i = 1; i < 3; i++)
        if (gx[i])
            ct_loop(CT_TENSORS(gx[i], ct_call_x(call, 0), gy[0]),
                    CT_KERNEL_OF(where_back, gx[i]),
                    &(branch){ i == 1, ct_call_adds(call, i) });
    return CT_OK;
}

static int where_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 3)
        return 0;
    ct_tensor *c = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[0] = ct_gt(c, ct_scalar_like(c, 0));
    x[1] = k == 1 ? ct_randn(cx, CT_F64, CT_SHAPE(4, 1, 1)) : ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[2] = k == 2 ? ct_randn(cx, CT_F64, NULL, 0) : ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    return 3;
}

extern const ct_op ct__where_op;
const ct_op ct__where_op = {
    .name = "where",
    .formula = "y = a where the condition holds, else b",
    .derivative = "ga = g where the condition holds, else 0, gb = 0 where it holds, else g",
    .inputs = 3,
    .flags = CT_OP_BROADCAST | CT_OP_LINEAR | CT_OP_BATCHED,
    .saves = CT_SAVE_X(0),
    .infer = where_infer,
    .forward = where_forward,
    .vjp = where_vjp,
    .backward = where_backward,
    .sample = where_sample,
};

ct_tensor *ct_where(ct_tensor *condition, ct_tensor *a, ct_tensor *b)
{
    return ct_apply(&ct__where_op, NULL, CT_TENSORS(condition, a, b));
}

ct_tensor *ct_masked_fill(ct_tensor *x, ct_tensor *mask, double value)
{
    if (!ct_usable(x, "masked_fill") || !ct_usable(mask, "masked_fill"))
        return NULL;
    return ct_where(mask, ct_scalar_like(x, value), x);
}
