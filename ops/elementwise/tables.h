/* Elementwise operators that are made from tables. A row of unary.def or functions.def is a whole
 * operator of one tensor, a row of binary.def or functions_of_two.def one of two tensors. A table
 * is included several times, each time with other macros for its rows: in a file of kernels with
 * UNARY_KERNELS or BINARY_KERNELS, and then in a source file with UNARY_OPERATOR or
 * BINARY_OPERATOR, which make the operator and its public function of them.
 *
 * For y_i = f(x_i) the chain rule is one product per element, gx_i = gy_i f'(x_i), and with two
 * tensors one for each: ga_i = gy_i df/da, gb_i = gy_i df/db (the engine sums over what was
 * repeated). f' is evaluated from x or from y, whichever is cheaper: tanh' = 1 - y^2. A row gives
 * it twice: `fused`, a kernel, and `composed`, by operators, which can be differentiated again. */
#ifndef CT__TABLES_H
#define CT__TABLES_H
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <math.h>

/* The kernels of an operator: the user field of its ct_op */
typedef struct ct__row {
    ct_kernels kernels[3]; /* forward, and then back, for each input */
    const char *rules[2];  /* of an operator of two: the text of ga and gb */
} ct__row;

/* `streams`: memory takes longer than f does, so that a large y is written past the caches */
#define KERNELS(name, streams) { CT_KERNEL_TABLE(name), streams }

ct_status ct__unary_forward(ct_call *call);
ct_status ct__unary_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);
ct_status ct__binary_forward(ct_call *call);
ct_status ct__binary_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);

/* -- Samples: every shape that is special, and values on a grid in a range, off the kinks */
int ct__unary_sample(ct_context *cx, int k, ct_tensor **x, double low, double high);
int ct__binary_sample(ct_context *cx, int k, ct_tensor **x, const double a[2], const double b[2]);

/* -- Words of the composed rules */
static inline ct_tensor *number(const ct_tensor *like, double value)
{
    return ct_scalar_like(like, value);
}

static inline ct_tensor *unless(ct_tensor *condition, ct_tensor *gy)
{
    return ct_where(condition, number(gy, 0), gy);
}

static inline ct_tensor *is_zero(ct_tensor *x)
{
    return ct_eq(x, number(x, 0));
}

/* 1 - x^2; elementwise.c says how */
ct_tensor *ct__one_less_square(ct_tensor *x);

/* -- Kernels. A row becomes a flat loop, y[i] = f(in[0][i], in[1][i], ...), which the compiler
 * vectorizes if f can be; ct_loop_kernel brings any other layout to it. Per element, with s the
 * size of REAL: unary 2 s bytes forward, 3 s backward (4 s where it adds); binary 3 s forward, 3 s
 * to 6 s for each cotangent; one evaluation of the row each. y may be in[0]: element i is read
 * before it is written, and no other, which is what VECTORIZE says. NUMBER is the type in which a
 * row computes, REAL or double; g is a REAL. */
#if defined(__clang__)
#define VECTORIZE _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define VECTORIZE _Pragma("GCC ivdep")
#else
#define VECTORIZE
#endif

#define UNARY_KERNELS(name, formula, derivative, parameters, N, A, B, saves, value, fused,      \
                      composed, low, high)                                                      \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
    {                                                                                           \
        const double *p = given;                                                                \
        const REAL *from = in[0], a = N > 0 ? (REAL)p[0] : 0, b = N > 1 ? (REAL)p[1] : 0;       \
        REAL *y = out;                                                                          \
        (void)a, (void)b, (void)p;                                                              \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            NUMBER x = from[i];                                                                 \
            y[i] = (REAL)(value);                                                               \
        }                                                                                       \
    }                                                                                           \
    static void K(name##_back)(int64_t n, void *out, void *const *in, const void *given)        \
    {                                                                                           \
        const double *p = given;                                                                \
        const REAL *gy = in[0], *kept = in[1];                                                  \
        const REAL a = N > 0 ? (REAL)p[0] : 0, b = N > 1 ? (REAL)p[1] : 0;                      \
        REAL *gx = out;                                                                         \
        (void)a, (void)b, (void)p;                                                              \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL g = gy[i];                                                                     \
            NUMBER saves = kept[i];                                                             \
            (void)g, (void)saves;                                                               \
            gx[i] = (REAL)(fused);                                                              \
        }                                                                                       \
    }

#define COTANGENT_KERNEL(name, expression)                                                      \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
    {                                                                                           \
        const REAL *gy = in[0], *left = in[1], *right = in[2], *kept = in[3];                   \
        REAL *to = out;                                                                         \
        (void)given;                                                                            \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL g = gy[i];                                                                     \
            NUMBER a = left[i], b = right[i], y = kept[i];                                      \
            (void)g, (void)a, (void)b, (void)y;                                                 \
            to[i] = (REAL)(expression);                                                         \
        }                                                                                       \
    }
#define VALUE_KERNEL(name, expression)                                                          \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
    {                                                                                           \
        const REAL *left = in[0], *right = in[1];                                               \
        REAL *y = out;                                                                          \
        (void)given;                                                                            \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            NUMBER a = left[i], b = right[i];                                                   \
            y[i] = (REAL)(expression);                                                          \
        }                                                                                       \
    }
#define BINARY_KERNELS(name, formula, derivative, saves, value, ga, gb, composed_a, composed_b, \
                       a0, a1, b0, b1)                                                          \
    VALUE_KERNEL(name, value)                                                                   \
    COTANGENT_KERNEL(name##_ga, ga)                                                             \
    COTANGENT_KERNEL(name##_gb, gb)

/* -- Operators of one tensor. `saved` is what a row's composed rule reads */
#define SAVED_x(call, gy)        ct_call_x(call, 0)
#define SAVED_y(call, gy)        ct_call_y(call, 0)
#define SAVED_none(call, gy)     (gy)
#define SAVED_constant(call, gy) (gy)
enum { saves_x = CT_SAVE_X(0), saves_y = CT_SAVE_Y(0), saves_none = 0, saves_constant = 0 };
enum { flags_x = 0, flags_y = 0, flags_none = 0, flags_constant = CT_OP_CONSTANT };
#define ARGUMENTS_0 0
#define ARGUMENTS_1 a
#define ARGUMENTS_2 a, b
#define ARGUMENTS_3 a, b, c

#define UNARY_OPERATOR(id, y_text, gx_text, parameters, N, A, B, saved, value, fused, composed, \
                       low, high)                                                               \
    static ct_status id##_vjp(const ct_call *call, ct_tensor *const *g, ct_tensor **gx)         \
    {                                                                                           \
        const double *p = ct_call_attributes(call), a = N > 0 ? p[0] : 0, b = N > 1 ? p[1] : 0; \
        ct_tensor *gy = g[0], *saved = SAVED_##saved(call, gy);                                 \
        (void)gy, (void)saved, (void)a, (void)b;                                                \
        gx[0] = composed;                                                                       \
        return CT_OK;                                                                           \
    }                                                                                           \
    static int id##_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)              \
    {                                                                                           \
        const double chosen[] = { A, B, -(B) };                                                 \
        for (int i = 0; i < N; i++)                                                             \
            ((double *)attributes)[i] = chosen[i];                                              \
        return ct__unary_sample(cx, k, x, low, high);                                           \
    }                                                                                           \
    static const ct__row id##_row = { .kernels = { KERNELS(id, false),                          \
                                                   KERNELS(id##_back, false) } };               \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = y_text,                                                                      \
        .derivative = gx_text,                                                                  \
        .inputs = 1,                                                                            \
        .user = &id##_row,                                                                      \
        .kernels = id##_row.kernels,                                                            \
        .flags = flags_##saved | CT_OP_IN_PLACE | CT_OP_SYMMETRIC | CT_OP_BATCHED |             \
                 CT_OP_KERNELS,                                                                 \
        .saves = saves_##saved,                                                                 \
        .attributes_size = N * sizeof(double),                                                  \
        .infer = ct_infer_same,                                                                 \
        .forward = ct__unary_forward,                                                           \
        .vjp = id##_vjp,                                                                        \
        .backward = ct__unary_backward,                                                         \
        .sample = id##_sample,                                                                  \
    };                                                                                          \
    ct_tensor *ct_##id parameters                                                               \
    {                                                                                           \
        const double attributes[] = { ARGUMENTS_##N };                                          \
        return ct_apply(&ct__##id##_op, attributes, &x, 1);                                     \
    }

/* -- Operators of two tensors */
enum { SAVE_A = CT_SAVE_X(0), SAVE_B = CT_SAVE_X(1), SAVE_Y = CT_SAVE_Y(0) };

#define BINARY_OPERATOR(id, y_text, g_text, saved, value, ga, gb, composed_a, composed_b,       \
                        a_low, a_high, b_low, b_high)                                           \
    static ct_status id##_vjp(const ct_call *call, ct_tensor *const *g, ct_tensor **gx)         \
    {                                                                                           \
        ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *y = ct_call_y(call, 0);    \
        ct_tensor *gy = g[0];                                                                   \
        (void)a, (void)b, (void)y;                                                              \
        if (ct_call_wants(call, 0))                                                             \
            gx[0] = composed_a;                                                                 \
        if (ct_call_wants(call, 1))                                                             \
            gx[1] = composed_b;                                                                 \
        return CT_OK;                                                                           \
    }                                                                                           \
    static int id##_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)              \
    {                                                                                           \
        (void)attributes;                                                                       \
        return ct__binary_sample(cx, k, x, (const double[]){ a_low, a_high },                   \
                                 (const double[]){ b_low, b_high });                            \
    }                                                                                           \
    static const ct__row id##_row = { { KERNELS(id, true), KERNELS(id##_ga, false),             \
                                        KERNELS(id##_gb, false) }, { #ga, #gb } };              \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = y_text,                                                                      \
        .derivative = g_text,                                                                   \
        .inputs = 2,                                                                            \
        .user = &id##_row,                                                                      \
        .kernels = id##_row.kernels,                                                            \
        .flags = CT_OP_BROADCAST | CT_OP_IN_PLACE | CT_OP_SYMMETRIC | CT_OP_BATCHED |           \
                 CT_OP_KERNELS,                                                                 \
        .saves = saved,                                                                         \
        .infer = ct_infer_broadcast,                                                            \
        .forward = ct__binary_forward,                                                          \
        .vjp = id##_vjp,                                                                        \
        .backward = ct__binary_backward,                                                        \
        .sample = id##_sample,                                                                  \
    };                                                                                          \
    ct_tensor *ct_##id(ct_tensor *a, ct_tensor *b)                                              \
    {                                                                                           \
        return ct_apply(&ct__##id##_op, NULL, CT_TENSORS(a, b));                                \
    }
#endif
