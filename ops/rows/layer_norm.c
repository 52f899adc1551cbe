/* Layer normalization: over the n elements x_j of the last axes, for each place before these,
 *
 *   h_j = (x_j - m) r      m = mean x,  r = 1 / sqrt(mean (x - m)^2 + epsilon)
 *   y_j = h_j w_j + b_j
 *
 * With g_j = gy_j w_j, and since sum h_j = 0:
 *
 *   dh_j/dx_k = r ([j = k] - 1/n - h_j h_k / n)
 *   gx_k = sum_j g_j dh_j/dx_k = r (g_k - mean g - h_k mean (g h))
 *   gw_j = sum of gy_j h_j, gb_j = sum of gy_j, over the places
 *
 * m and r are kept, and h is computed again from them (Ba, Kiros, Hinton 2016). m is kept as a sum
 * of two numbers, since its rounding may be as large as all x - m; and rows whose squares would
 * overflow or underflow are multiplied by a power of 2 first, which is kept too.
 *
 * RMS norm (Zhang, Sennrich 2019) is the same with m = 0: then
 *
 *   dh_j/dx_k = r ([j = k] - h_j h_k / n),   gx_k = r (g_k - h_k mean (g h)). */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "double_math.h"
#include "moments.h"

enum { GRAIN = 16384, MOST = 8 }; /* elements worth sharing out; ranges of rows at most */

typedef struct attributes {
    int ndim;
    int64_t shape[CT_MAX_DIMS];
    double epsilon;
    bool weight, bias, rms; /* rms: the mean is left out */
} attributes;

/* rows of n elements. Each range of them has room for its part of gw and gb: 2 n doubles, and 2 n
 * numbers of x's type */
typedef struct rows {
    int64_t n, count, grain;
    const void *x, *w, *b, *gy;
    void *y, *moments, *gx; /* moments: four numbers of a row, see the kernels */
    char *room;
    double epsilon;
    bool rms, adds;
} rows;

typedef struct layer_norm_kernels {
    void (*forward)(int64_t begin, int64_t end, void *arg);
    void (*backward)(int64_t begin, int64_t end, void *arg);
} layer_norm_kernels;

static size_t room_of_range(const rows *r)
{
    return 4 * (size_t)r->n * sizeof(double);
}

#define CT_KERNELS     "layer_norm_kernels.h"
#define CT_KERNELS_F32 64
#include <cotangent/kernels.h>

static const layer_norm_kernels *kernels_for(const ct_call *call)
{
    static const layer_norm_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(kernels);
    return CT_KERNEL_OF(all, ct_call_x(call, 0));
}

/* is x's shape, from axis `from` on, what is normalized? */
static bool ends_with(const ct_tensor *x, const attributes *a, int from)
{
    return from >= 0 && ct_ndim(x) == from + a->ndim &&
           (a->ndim == 0 ||
            memcmp(ct_shape(x) + from, a->shape, (size_t)a->ndim * sizeof *a->shape) == 0);
}

static ct_status infer(ct_call *call)
{
    const attributes *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int leading = ct_ndim(x) - a->ndim;
    ct_status status = ct_call_check_float(call);
    if (status != CT_OK)
        return status;
    if (!(a->epsilon >= 0 && isfinite(a->epsilon)))
        return ct_call_fail(call, CT_ERROR_VALUE, "epsilon is %g", a->epsilon);
    if (ct_call_inputs(call) != 1 + a->weight + a->bias)
        return ct_call_fail(call, CT_ERROR_VALUE, "takes %d inputs with these attributes, got %d",
                            1 + a->weight + a->bias, ct_call_inputs(call));
    if (a->ndim < 1 || !ends_with(x, a, leading))
        return ct_call_fail(call, CT_ERROR_SHAPE, "the input does not end with the %d axes that "
                            "are normalized", a->ndim);
    for (int i = 1; i < ct_call_inputs(call); i++)
        if (!ends_with(ct_call_x(call, i), a, 0))
            return ct_call_fail(call, CT_ERROR_SHAPE, "weight and bias have the shape that is "
                                "normalized");
    status = ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    if (status != CT_OK)
        return status;
    int64_t moments[CT_MAX_DIMS] = { 0 };
    for (int d = 0; d < leading; d++)
        moments[d] = ct_shape(x)[d];
    moments[leading] = 4;
    return ct_call_set_aux(call, 0, ct_dtype_of(x), moments, leading + 1);
}

static rows rows_of(const ct_call *call)
{
    const attributes *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    rows r = { .n = 1, .count = 1, .x = ct_data(x), .epsilon = a->epsilon, .rms = a->rms };
    int leading = ct_ndim(x) - a->ndim;
    for (int d = 0; d < ct_ndim(x); d++)
        *(d < leading ? &r.count : &r.n) *= ct_shape(x)[d];
    if (a->weight)
        r.w = ct_data(ct_call_x(call, 1));
    if (a->bias)
        r.b = ct_data(ct_call_x(call, a->weight ? 2 : 1));
    r.moments = (void *)(uintptr_t)ct_data(ct_call_aux(call, 0));
    r.grain = GRAIN / (r.n > 0 ? r.n : 1) + 1;
    return r;
}

static ct_status forward(ct_call *call)
{
    rows r = rows_of(call);
    r.y = ct_data_mutable(ct_call_y(call, 0));
    ct_parallel_ranges(ct_call_context(call), r.count, r.grain, kernels_for(call)->forward, &r);
    return CT_OK;
}

/* the parts of all ranges, in order, into the first one's */
static void join(const rows *r)
{
    double *total = (double *)(void *)r->room;
    for (int64_t first = r->grain, i = 1; first < r->count; first += r->grain, i++) {
        const double *part = (const double *)(void *)(r->room + (size_t)i * room_of_range(r));
        for (int64_t j = 0; j < 2 * r->n; j++)
            total[j] += part[j];
    }
}

void ct__give_sums(const ct_call *call, int input, ct_tensor *gx, const double *sum)
{
    bool adds = ct_call_adds(call, input), f32 = ct_dtype_of(gx) == CT_F32;
    void *data = ct_data_mutable(gx);
    int64_t n = ct_count(gx);
    if (f32)
        for (int64_t j = 0; j < n; j++)
            ((float *)data)[j] = (float)((adds ? ((float *)data)[j] : 0) + sum[j]);
    else
        for (int64_t j = 0; j < n; j++)
            ((double *)data)[j] = (adds ? ((double *)data)[j] : 0) + sum[j];
}

static ct_status backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const attributes *a = ct_call_attributes(call);
    int bias = a->weight ? 2 : 1;
    bool sums = (a->weight && gx[1]) || (a->bias && gx[bias]);
    rows r = rows_of(call);
    r.gy = ct_data(gy[0]);
    r.gx = gx[0] ? ct_data_mutable(gx[0]) : NULL;
    r.adds = ct_call_adds(call, 0);
    if (r.grain < (r.count + MOST - 1) / MOST)
        r.grain = (r.count + MOST - 1) / MOST;
    if (sums) {
        int64_t ranges = r.count > 0 ? (r.count + r.grain - 1) / r.grain : 1;
        r.room = ct_call_scratch(call, (size_t)ranges * room_of_range(&r));
        if (!r.room)
            return CT_ERROR_MEMORY;
    }
    if (sums && r.count == 0)
        memset(r.room, 0, room_of_range(&r));
    ct_parallel_ranges(ct_call_context(call), r.count, r.grain, kernels_for(call)->backward, &r);
    if (sums)
        join(&r);
    if (a->weight && gx[1])
        ct__give_sums(call, 1, gx[1], (const double *)(void *)r.room);
    if (a->bias && gx[bias])
        ct__give_sums(call, bias, gx[bias], (const double *)(void *)r.room + r.n);
    return CT_OK;
}

/* the power of 2 by which each row is multiplied, with the normalized axes as axes of size 1 */
static ct_tensor *units_of(const ct_call *call, int normalized)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS] = { 0 };
    for (int d = 0; d < ct_ndim(x); d++)
        shape[d] = d < ct_ndim(x) - normalized ? ct_shape(x)[d] : 1;
    return ct_reshape(ct_select(ct_call_aux(call, 0), -1, 3), shape, ct_ndim(x));
}

static ct_tensor *centered(ct_tensor *x, const int64_t *axes, int n)
{
    return ct_sub(x, ct_mean_over(x, axes, n, CT_KEEPDIMS));
}

/* h is (x u - m) r with m and r of x u, where u is the row's unit. x u is centered twice: the
 * second time takes off what was rounded off the mean the first time */
typedef struct parts {
    int64_t axes[CT_MAX_DIMS];
    int n;
    bool rms;
    ct_tensor *h, *ru; /* r u */
} parts;

static parts parts_of(const ct_call *call)
{
    const attributes *a = ct_call_attributes(call);
    parts p = { .n = a->ndim, .rms = a->rms };
    for (int d = 0; d < p.n; d++)
        p.axes[d] = d - p.n;
    ct_tensor *u = units_of(call, p.n), *x = ct_mul(ct_call_x(call, 0), u);
    ct_tensor *far = a->rms ? x : centered(centered(x, p.axes, p.n), p.axes, p.n);
    ct_tensor *variance = ct_mean_over(ct_square(far), p.axes, p.n, CT_KEEPDIMS);
    ct_tensor *r = ct_power(ct_add(variance, ct_mul(ct_scale(u, a->epsilon), u)), -0.5);
    p.h = ct_mul(far, r);
    p.ru = ct_mul(r, u);
    return p;
}

/* g dh/dx = r u (g - mean g - h mean(g h)), for RMS norm without mean g; dh/dx is symmetric */
static ct_tensor *through(const parts *p, ct_tensor *g)
{
    ct_tensor *part = ct_mul(p->h, ct_mean_over(ct_mul(g, p->h), p->axes, p->n, CT_KEEPDIMS));
    return ct_mul(p->ru, ct_sub(p->rms ? g : centered(g, p->axes, p->n), part));
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const attributes *a = ct_call_attributes(call);
    int bias = a->weight ? 2 : 1;
    parts p = parts_of(call);
    if (ct_call_wants(call, 0))
        gx[0] = through(&p, a->weight ? ct_mul(gy[0], ct_call_x(call, 1)) : gy[0]);
    if (a->weight && ct_call_wants(call, 1))
        gx[1] = ct_sum_to(ct_mul(gy[0], p.h), a->shape, p.n);
    if (a->bias && ct_call_wants(call, bias))
        gx[bias] = ct_sum_to(gy[0], a->shape, p.n);
    return CT_OK;
}

/* `through` by the kernel: backward for an operator without weight and bias */
static ct_tensor *through_kernel(const ct_call *call, ct_tensor *g)
{
    ct_tensor *gx = g ? ct_empty_like(g) : NULL;
    if (!gx)
        return NULL;
    rows r = rows_of(call);
    r.w = r.b = NULL;
    r.gy = ct_data(g);
    r.gx = ct_data_mutable(gx);
    ct_parallel_ranges(ct_call_context(call), r.count, r.grain, kernels_for(call)->backward, &r);
    return gx;
}

/* h by the operator itself, without weight and bias */
static ct_tensor *normalized(const ct_call *call)
{
    attributes plain = *(const attributes *)ct_call_attributes(call);
    plain.weight = plain.bias = false;
    return ct_apply(ct_call_op(call), &plain, CT_TENSORS(ct_call_x(call, 0)));
}

/* ty = th w + h tw + tb with th = dh/dx tx */
static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    const attributes *a = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0), *terms[3];
    ct_tensor *tw = a->weight ? tx[1] : NULL, *tb = a->bias ? tx[a->weight ? 2 : 1] : NULL;
    bool kernel = !ct_is_recording(ct_call_context(call)) && ct_is_contiguous(x);
    parts p = { .n = 0 };
    int n = 0;
    if (!kernel)
        p = parts_of(call);
    if (tx[0]) {
        ct_tensor *th = kernel ? through_kernel(call, ct_contiguous(tx[0])) : through(&p, tx[0]);
        terms[n++] = a->weight ? ct_mul(th, ct_call_x(call, 1)) : th;
    }
    if (tw)
        terms[n++] = ct_mul(kernel ? normalized(call) : p.h, tw);
    if (tb)
        terms[n++] = ct_broadcast_to(tb, ct_shape(y), ct_ndim(y));
    ty[0] = terms[0];
    for (int i = 1; i < n; i++)
        ty[0] = ct_add(ty[0], terms[i]);
    return CT_OK;
}

static int sample_of(ct_context *cx, int k, ct_tensor **x, void *attributes_out, bool rms)
{
    static const struct {
        int ndim;
        int64_t shape[3];
        attributes a;
    } cases[] = {
        { 2, { 3, 4 }, { 1, { 4 }, 1e-5, true, true, false } },
        { 3, { 2, 3, 2 }, { 2, { 3, 2 }, 0.1, true, false, false } },
        { 1, { 5 }, { 1, { 5 }, 0, false, false, false } },
        { 3, { 2, 2, 3 }, { 1, { 3 }, 1e-3, false, true, false } },
        { 2, { 0, 3 }, { 1, { 3 }, 1e-5, true, true, false } },
    };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    attributes *a = memcpy(attributes_out, &cases[k].a, sizeof *a);
    int n = 1;
    a->rms = rms;
    a->bias = a->bias && !rms;
    x[0] = ct_randn(cx, CT_F64, cases[k].shape, cases[k].ndim);
    if (a->weight)
        x[n++] = ct_randn(cx, CT_F64, a->shape, a->ndim);
    if (a->bias)
        x[n++] = ct_randn(cx, CT_F64, a->shape, a->ndim);
    return n;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes_out)
{
    return sample_of(cx, k, x, attributes_out, false);
}

static int sample_rms(ct_context *cx, int k, ct_tensor **x, void *attributes_out)
{
    return sample_of(cx, k, x, attributes_out, true);
}

extern const ct_op ct__layer_norm_op, ct__rms_norm_op;
const ct_op ct__layer_norm_op = {
    .name = "layer_norm",
    .formula = "y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon)",
    .derivative = "gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, "
                  "gweight = sum g h, gbias = sum g",
    .inputs = -1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_AUX,
    .attributes_size = sizeof(attributes),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .backward = backward,
    .jvp = jvp,
    .sample = sample,
};

const ct_op ct__rms_norm_op = {
    .name = "rms_norm",
    .formula = "y = h weight, h = x / sqrt(mean x^2 + epsilon)",
    .derivative = "gx = (e - h mean(e h)) / sqrt(mean x^2 + epsilon), e = g weight, "
                  "gweight = sum g h",
    .inputs = -1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_AUX,
    .attributes_size = sizeof(attributes),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .backward = backward,
    .jvp = jvp,
    .sample = sample_rms,
};

/* neither weight nor bias is needed, but one that failed is an error: then one is pending */
static ct_tensor *apply(const ct_op *op, attributes a, const int64_t *shape, ct_tensor *const *x)
{
    ct_tensor *all[3] = { x[0] };
    int n = 1;
    if (x[0] && !ct_usable(x[0], op->name))
        return NULL;
    if (x[0] && (a.ndim < 0 || a.ndim > CT_MAX_DIMS || !shape))
        return ct_fail(ct_context_of(x[0]), CT_ERROR_NULL, "%s: no list of %d sizes", op->name,
                       a.ndim), NULL;
    bool pending = x[0] && ct_error(ct_context_of(x[0]));
    a.weight = x[1] || pending;
    a.bias = x[2] || (pending && !a.rms);
    if (a.weight)
        all[n++] = x[1];
    if (a.bias)
        all[n++] = x[2];
    if (x[0])
        memcpy(a.shape, shape, (size_t)a.ndim * sizeof *shape);
    return ct_apply(op, &a, all, n);
}

ct_tensor *ct_layer_norm(ct_tensor *x, const int64_t *shape, int ndim, ct_tensor *weight,
                         ct_tensor *bias, double epsilon)
{
    const attributes a = { .ndim = ndim, .epsilon = epsilon };
    return apply(&ct__layer_norm_op, a, shape, (ct_tensor *[]){ x, weight, bias });
}

ct_tensor *ct_rms_norm(ct_tensor *x, const int64_t *shape, int ndim, ct_tensor *weight,
                       double epsilon)
{
    const attributes a = { .ndim = ndim, .epsilon = epsilon, .rms = true };
    return apply(&ct__rms_norm_op, a, shape, (ct_tensor *[]){ x, weight, NULL });
}
