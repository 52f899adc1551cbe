/* Norms: y = (sum |x|^p)^(1/p).
 *
 *   gx = g sign(z) |z|^(p - 1), z = x / y
 *
 * So that no power of x overflows or vanishes, y is kept as scale * root: scale is near the largest
 * |x|, and root = (sum |x / scale|^p)^(1/p) is not far from 1. z = x / scale / root is right even
 * where y itself is out of range. Where all x are 0, z counts as 0, which is the subgradient of
 * least norm. The norms for p = 1 and p = inf are made of ct_sum_over and ct_max_over. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <math.h>

#include "axes.h"

/* The attributes. The functions of axes.h see the first member. */
typedef struct norm {
    ct__reduction reduction;
    double p;
} norm;

/* Where the fold puts scale and root: they are laid out as the results y are. */
typedef struct factors {
    void *y, *scale, *root;
} factors;

typedef struct slope {
    double p;
    bool adds;
} slope;

/* gcc makes one vector operation of a loop over lanes only if it does not unroll the loop first. */
#if defined(__GNUC__) && !defined(__clang__)
#define AS_LOOP _Pragma("GCC unroll 1")
#else
#define AS_LOOP
#endif

#define CT_KERNELS     "norm_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>
static const ct_fold *const folds[][CT_SIMDS] = CT_KERNEL_TABLE(norm_fold);
static const ct_loop_body backs[][CT_SIMDS] = CT_KERNEL_TABLE(norm_back);

static ct_status norm_infer(ct_call *call)
{
    ct_status status = ct_call_check_float(call);
    if (status == CT_OK)
        status = ct__infer_reduced(call);
    const ct_tensor *y = ct_call_y(call, 0);
    for (int i = 0; i < 2 && status == CT_OK && ct_call_records(call); i++)
        status = ct_call_set_aux(call, i, ct_dtype_of(y), ct_shape(y), ct_ndim(y));
    return status;
}

static ct_status euclidean(ct_call *call, ct__reduction r)
{
    if (!ct_call_records(call))
        return ct_reduce(call, r.axes, CT_KERNEL_OF(folds, ct_call_x(call, 0)), NULL);
    factors to = { ct_data_mutable(ct_call_y(call, 0)), ct_data_mutable(ct_call_aux(call, 0)),
                   ct_data_mutable(ct_call_aux(call, 1)) };
    return ct_reduce(call, r.axes, CT_KERNEL_OF(folds, ct_call_x(call, 0)), &to);
}

/* By public operators, on x with the axes merged. */
static ct_status general(ct_call *call, ct__reduction r, double p)
{
    ct_tensor *x = ct__merged(ct_call_x(call, 0), r.axes), *y = ct_call_y(call, 0);
    ct_tensor *one = ct_scalar_like(y, 1), *zero = ct_scalar_like(y, 0);
    ct_tensor *largest = ct_max_over(ct_abs(x), CT_AXES(-1), CT_KEEPDIMS);
    ct_tensor *scale = ct_where(ct_gt(largest, zero), largest, one);
    scale = ct_where(ct_eq(scale, ct_scalar_like(y, INFINITY)), one, scale);
    ct_tensor *powers = ct_power(ct_abs(ct_div(x, scale)), p);
    ct_tensor *root = ct_power(ct_sum_over(powers, CT_AXES(-1), CT_KEEPDIMS), 1 / p);
    ct_tensor *results[] = { ct_mul(scale, root), scale, ct_where(ct_eq(root, zero), one, root) };
    ct_tensor *places[] = { y, ct_call_aux(call, 0), ct_call_aux(call, 1) };
    for (int i = 0; i < 3 && places[i]; i++) {
        ct_tensor *result = ct_reshape(results[i], ct_shape(y), ct_ndim(y));
        if (!result || ct_assign(places[i], result) != CT_OK)
            return ct_error(ct_call_context(call));
    }
    return CT_OK;
}

static ct_status norm_forward(ct_call *call)
{
    const norm *a = ct_call_attributes(call);
    if (a->p == 2)
        return euclidean(call, a->reduction);
    if (ct__group(ct_call_x(call, 0), a->reduction) > 0)
        return general(call, a->reduction, a->p);
    return ct_fill(ct_call_y(call, 0), 0); /* no elements: nobody reads the auxiliaries */
}

extern const ct_op ct__norm_op;

/* z from x / scale, whose norm is taken anew, so that it can be differentiated. Whatever constant
 * scale is, it does not change z */
static ct_status norm_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const norm *a = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *zero = ct_scalar_like(x, 0), *one = ct_scalar_like(x, 1);
    ct_tensor *t = ct_div(x, ct__kept(call, ct_call_aux(call, 0)));
    norm kept = { { a->reduction.axes, true }, a->p };
    ct_tensor *size = ct_apply(&ct__norm_op, &kept, &t, 1), *none = ct_eq(size, zero);
    ct_tensor *z = ct_where(none, zero, ct_div(t, ct_where(none, one, size)));
    if (a->p != 2)
        z = ct_mul_no_nan(ct_sign(z), ct_power(ct_abs(z), a->p - 1));
    gx[0] = ct_mul(ct__kept(call, gy[0]), z);
    return CT_OK;
}

static ct_status norm_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const norm *a = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *g = ct__kept(call, gy[0]);
    ct_tensor *scale = ct__kept(call, ct_call_aux(call, 0));
    ct_tensor *root = ct__kept(call, ct_call_aux(call, 1));
    slope s = { a->p, ct_call_adds(call, 0) };
    if (!g || !scale || !root)
        return CT_ERROR_MEMORY;
    ct_loop(CT_TENSORS(gx[0], g, x, scale, root), CT_KERNEL_OF(backs, x), &s);
    return CT_OK;
}

/* No x is 0, where norms with p < 2 have a kink. */
static int norm_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const double powers[] = { 1.5, 3, 0.5, 3 };
    norm *a = attributes;
    int n = k < 12 ? ct__sample_reduction(cx, k < 8 ? k : k - 6, x, &a->reduction) : 0;
    a->p = k < 8 ? 2 : powers[k % 4];
    if (n == 0)
        return 0;
    x[0] = ct_shift(x[0], 0.07);
    return n;
}

const ct_op ct__norm_op = {
    .name = "norm",
    .formula = "y = (sum |x|^p)^(1/p)",
    .derivative = "gx = g sign(x) |x / y|^(p - 1)",
    .inputs = 1,
    .flags = CT_OP_BATCHED,
    .saves = CT_SAVE_X(0) | CT_SAVE_AUX,
    .attributes_size = sizeof(norm),
    .infer = norm_infer,
    .forward = norm_forward,
    .vjp = norm_vjp,
    .backward = norm_backward,
    .jvp = ct__reduced_jvp,
    .sample = norm_sample,
};

ct_tensor *ct_norm_over(ct_tensor *x, double p, const int64_t *axes, int n, unsigned flags)
{
    norm a = { .p = p };
    if (!ct__reduction_of(&a.reduction, x, "norm", axes, n, flags) || !ct__is_float(x, "norm"))
        return NULL;
    if (!(p > 0)) {
        ct_fail(ct_context_of(x), CT_ERROR_VALUE, "norm: p must be positive, got %g", p);
        return NULL;
    }
    if (p == 1)
        return ct_sum_over(ct_abs(x), axes, n, flags);
    if (isinf(p))
        return ct_max_over(ct_abs(x), axes, n, flags);
    return ct_apply(&ct__norm_op, &a, &x, 1);
}

ct_tensor *ct_norm(ct_tensor *x, double p)
{
    return ct_norm_over(x, p, NULL, 0, 0);
}

/* -- The cosine of the angle between two vectors: the product of their directions. epsilon keeps a
 * vector of 0 from being divided by 0 */
static ct_tensor *direction(ct_tensor *x, int64_t axis, double epsilon)
{
    ct_tensor *size = ct_norm_over(x, 2, &axis, 1, CT_KEEPDIMS);
    return ct_div(x, ct_maximum(size, ct_scalar_like(x, epsilon)));
}

static ct_tensor *shapes_differ(const ct_tensor *a, const ct_tensor *b, const char *who)
{
    char of_a[CT_SHAPE_TEXT], of_b[CT_SHAPE_TEXT];
    ct_fail(ct_context_of(a), CT_ERROR_SHAPE, "%s: shapes do not broadcast: %s x %s", who,
            ct_shape_text(a, of_a), ct_shape_text(b, of_b));
    return NULL;
}

ct_tensor *ct_cosine_similarity(ct_tensor *a, ct_tensor *b, int axis, double epsilon)
{
    const char *who = "cosine_similarity";
    int64_t shape[CT_MAX_DIMS], along = axis;
    int ndim = 0;
    ct__reduction r;
    if (!ct_usable(a, who) || !ct_usable(b, who) || !ct__is_float(a, who) || !ct__is_float(b, who))
        return NULL;
    if (!(epsilon >= 0)) {
        ct_fail(ct_context_of(a), CT_ERROR_VALUE, "%s: epsilon must not be negative, got %g", who,
                epsilon);
        return NULL;
    }
    if (!ct_broadcast_shape(shape, &ndim, ct_shape(a), ct_ndim(a)) ||
        !ct_broadcast_shape(shape, &ndim, ct_shape(b), ct_ndim(b)))
        return shapes_differ(a, b, who);
    a = ct_broadcast_to(a, shape, ndim), b = ct_broadcast_to(b, shape, ndim);
    if (!ct__reduction_of(&r, a, who, &along, 1, 0))
        return NULL;
    ct_tensor *product = ct_mul(direction(a, along, epsilon), direction(b, along, epsilon));
    return ct_sum_over(product, &along, 1, 0);
}
