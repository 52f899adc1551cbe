/* Dropout (Srivastava et al., JMLR 15, 2014), the inverted form: each element is dropped with
 * probability p, and the others are divided by 1 - p, so that the mean stays. With m_i = 1 where it
 * was kept, y_i = m_i x_i / (1 - p), so gx_i = m_i gy_i / (1 - p). The mask is kept for that. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

typedef struct numbers {
    double p;
} numbers;

#define REAL float
#define K(name) name##_f32
#include "dropout_kernels.h"
#undef REAL
#undef K
#define REAL double
#define K(name) name##_f64
#include "dropout_kernels.h"

static double probability(const ct_call *call)
{
    return ((const numbers *)ct_call_attributes(call))->p;
}

static ct_status dropout_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    double p = probability(call);
    if (!(p >= 0 && p < 1))
        return ct_call_fail(call, CT_ERROR_VALUE, "p = %g is not in [0, 1)", p);
    ct_status status = ct_infer_same(call);
    if (status == CT_OK)
        status = ct_call_set_aux(call, 0, CT_BOOL, ct_shape(x), ct_ndim(x));
    return status;
}

/* half a draw for each element: 32 bits, compared with p 2^32 */
static void draw(const ct_call *call, unsigned char *mask, int64_t n)
{
    uint64_t seed = ct_call_seed(call), start = ct_call_draws(call, n / 2 + n % 2), bits = 0;
    uint64_t dropped = (uint64_t)(probability(call) * 0x1p32);
    for (int64_t i = 0; i < n; i++) {
        bits = i % 2 ? bits >> 32 : ct_random_at(seed, start + (uint64_t)i / 2);
        mask[i] = (bits & 0xffffffffu) >= dropped;
    }
}

static ct_status mask(const ct_call *call, ct_tensor *to, const ct_tensor *from, bool adds)
{
    const void *x = ct_data(from), *kept = ct_data(ct_call_aux(call, 0));
    double factor = 1 / (1 - probability(call));
    if (ct_dtype_of(to) == CT_F32)
        mask_f32(ct_data_mutable(to), x, kept, ct_count(to), (float)factor, adds);
    else
        mask_f64(ct_data_mutable(to), x, kept, ct_count(to), factor, adds);
    return CT_OK;
}

static ct_status dropout_forward(ct_call *call)
{
    draw(call, ct_data_mutable(ct_call_aux(call, 0)), ct_count(ct_call_x(call, 0)));
    return mask(call, ct_call_y(call, 0), ct_call_x(call, 0), false);
}

static ct_status dropout_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    return mask(call, gx[0], gy[0], ct_call_adds(call, 0));
}

static ct_status dropout_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *scaled = ct_scale(gy[0], 1 / (1 - probability(call)));
    gx[0] = ct_where(ct_call_aux(call, 0), scaled, ct_scalar_like(gy[0], 0));
    return CT_OK;
}

static int dropout_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const double p[] = { 0.5, 0.2, 0 };
    if (k >= 3)
        return 0;
    *(numbers *)attributes = (numbers){ p[k] };
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 3, 5 }, k == 1 ? 1 : 2);
    return 1;
}

extern const ct_op ct__dropout_op;
const ct_op ct__dropout_op = {
    .name = "dropout",
    .flags = CT_OP_CONTIGUOUS | CT_OP_RANDOM,
    .saves = CT_SAVE_AUX,
    .attributes_size = sizeof(numbers),
    .infer = dropout_infer,
    .forward = dropout_forward,
    .vjp = dropout_vjp,
    .backward = dropout_backward,
    .sample = dropout_sample,
};

ct_tensor *ct_dropout(ct_tensor *x, double p)
{
    return p == 0 ? x : ct_apply(&ct__dropout_op, &(numbers){ p }, &x, 1);
}
