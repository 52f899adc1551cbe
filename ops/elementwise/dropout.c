/* Dropout (Srivastava et al., JMLR 15, 2014), the inverted form: each element is dropped with
 * probability p, and the others are divided by 1 - p, so that the mean stays. With m_i = 1 where it
 * was kept, y_i = m_i x_i / (1 - p), so gx_i = m_i gy_i / (1 - p). The mask is kept for that. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

typedef struct numbers {
    double p;
} numbers;

#define CT_KERNELS "dropout_kernels.h"
#include <cotangent/kernels.h>
typedef void mask_body(int64_t n, void *to, const void *from, const unsigned char *kept,
                       double factor, bool adds);
static mask_body *const masks[][CT_SIMDS] = CT_KERNEL_TABLE(mask);

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

/* -- Half a draw for each element: 32 bits, dropped where they are below p 2^32 */
enum { DRAWS = 256, GRAIN = 64 * DRAWS };

typedef struct job {
    const ct_context *cx;
    uint64_t seed, start;
    uint32_t below;
    unsigned char *drawn; /* forward, which makes the mask */
    const unsigned char *kept;
    void *to;
    const void *from;
    size_t size;
    double factor;
    bool adds;
    mask_body *mask;
} job;

static void drop(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    uint64_t bits[DRAWS];
    for (int64_t i = begin, n; i < end; i += n) {
        n = end - i < 2 * DRAWS ? end - i : 2 * DRAWS;
        ct_random_fill(j->cx, j->seed, j->start + (uint64_t)i / 2, bits, n / 2 + n % 2);
        for (int64_t k = 0; k < n; k++)
            j->drawn[i + k] = (uint32_t)(bits[k / 2] >> k % 2 * 32) >= j->below;
    }
}

static void mask(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    size_t at = (size_t)begin * j->size;
    j->mask(end - begin, (char *)j->to + at, (const char *)j->from + at, j->kept + begin,
            j->factor, j->adds);
}

static void drop_and_mask(int64_t begin, int64_t end, void *arg)
{
    drop(begin, end, arg);
    mask(begin, end, arg);
}

static job job_for(const ct_call *call, ct_tensor *to, const ct_tensor *from)
{
    double p = probability(call);
    job j = { .cx = ct_call_context(call), .seed = ct_call_seed(call),
              .below = (uint32_t)(p * 0x1p32), .kept = ct_data(ct_call_aux(call, 0)),
              .to = ct_data_mutable(to), .from = ct_data(from), .factor = 1 / (1 - p),
              .size = ct_dtype_size(ct_dtype_of(to)), .mask = CT_KERNEL_OF(masks, to) };
    return j;
}

static ct_status dropout_forward(ct_call *call)
{
    job j = job_for(call, ct_call_y(call, 0), ct_call_x(call, 0));
    int64_t n = ct_count(ct_call_y(call, 0));
    j.drawn = ct_data_mutable(ct_call_aux(call, 0));
    j.start = ct_call_draws(call, n / 2 + n % 2);
    ct_parallel_ranges(ct_call_context(call), n, GRAIN, drop_and_mask, &j);
    return CT_OK;
}

static ct_status dropout_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    job j = job_for(call, gx[0], gy[0]);
    j.adds = ct_call_adds(call, 0);
    ct_parallel_ranges(ct_call_context(call), ct_count(gx[0]), GRAIN, mask, &j);
    return CT_OK;
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
    .formula = "y = m x / (1 - p), m = 0 with probability p, else 1",
    .derivative = "gx = m g / (1 - p)",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS | CT_OP_RANDOM | CT_OP_SYMMETRIC | CT_OP_BATCHED,
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
    if (!ct_usable(x, "dropout"))
        return NULL;
    return p == 0 ? x : ct_apply(&ct__dropout_op, &(numbers){ p }, &x, 1);
}
