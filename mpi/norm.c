/* Sums over ranks inside of a graph, and batch normalization of the whole batch by them.
 *
 * On rank r the walk goes backward from L_r, and the loss of all is L = (sum_r n_r L_r) / N. Let s
 * be the sum over ranks of the x_r, and g_r the cotangent dL_r/ds that the walk has on rank r. Then
 *
 *   dL/dx_r = dL/ds = (sum_q n_q g_q) / N
 *
 * and since ct_mpi_backward will multiply what comes from rank r by n_r / N, the walk on rank r
 * needs gx_r = (sum_q n_q g_q) / n_r. In other walks each n_r is 1. */
#include <cotangent/op.h>

#include "ranks.h"

/* -- The sum over ranks */
static ct_status total_forward(ct_call *call)
{
    ct_mpi *m = *(ct_mpi *const *)ct_call_attributes(call);
    ct_tensor *y = ct_call_y(call, 0);
    void *data = ct_data_mutable(y);
    if (ct_assign(y, ct_call_x(call, 0)) != CT_OK || !data)
        return ct_error(m->cx);
    if (!ct__mpi_begin(m, CT__MPI_TOTAL))
        return CT_ERROR_CALLBACK;
    m->synchronized = true;
    return ct__mpi_sums(m, data, ct_dtype_of(y), ct_count(y)) ? CT_OK : CT_ERROR_CALLBACK;
}

static ct_status total_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_mpi *m = *(ct_mpi *const *)ct_call_attributes(call);
    if (!ct__mpi_alive(m, "mpi_total"))
        return CT_ERROR_STALE;
    const double n = m->walking ? m->weight : 1;
    gx[0] = ct_scale(ct_mpi_total(m, ct_scale(gy[0], n)), 1 / n);
    return gx[0] ? CT_OK : ct_error(m->cx);
}

static const ct_op total = {
    .name = "mpi_total",
    .formula = "y = sum of x over ranks",
    .derivative = "gx = sum of n g over ranks, over n",
    .inputs = 1,
    .attributes_size = sizeof(ct_mpi *),
    .infer = ct_infer_same,
    .forward = total_forward,
    .vjp = total_vjp,
};

ct_tensor *ct_mpi_total(ct_mpi *m, ct_tensor *x)
{
    return ct__mpi_alive(m, "mpi_total") ? ct_apply(&total, &m, &x, 1) : NULL;
}

/* -- Batch normalization */
/* (C) as it stands beside x (N,C,...) */
static ct_tensor *beside(ct_tensor *channels, const ct_tensor *x)
{
    int64_t shape[CT_MAX_DIMS] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    shape[1] = ct_size(x, 1);
    return channels ? ct_reshape(channels, shape, ct_ndim(x)) : NULL;
}

/* the sums over all axes but that of the channels */
static ct_tensor *channel_sums(ct_tensor *x)
{
    int64_t axes[CT_MAX_DIMS] = { 0 };
    for (int i = 1; i < ct_ndim(x) - 1; i++)
        axes[i] = i + 1;
    return ct_sum_over(x, axes, ct_ndim(x) - 1, 0);
}

/* y without weight and bias, mean and variance; returns the number of elements of a channel */
static int64_t normalize(ct_mpi *m, ct_tensor *x, double epsilon, ct_tensor **results)
{
    const int64_t channels = ct_size(x, 1), n = channels > 0 ? ct_count(x) / channels : 0;
    ct_tensor *count = ct_full(m->cx, ct_dtype_of(x), CT_SHAPE(1), (double)n);
    ct_tensor *sums = ct_mpi_total(m, ct_concat(CT_TENSORS(channel_sums(x), count), 0));
    ct_tensor *all = ct_slice(sums, 0, channels, channels + 1, 1);
    if (all && ct_item(all) == 1)
        return ct_fail(m->cx, CT_ERROR_SHAPE, "mpi_batch_norm: on all ranks together, a channel "
                       "must have more than one element"), -1;
    results[1] = ct_div(ct_slice(sums, 0, 0, channels, 1), all);
    ct_tensor *from_mean = ct_sub(x, beside(results[1], x));
    ct_tensor *squares = from_mean ? channel_sums(ct_square(from_mean)) : NULL;
    results[2] = ct_div(ct_mpi_total(m, squares), all);
    ct_tensor *moved = results[2] ? ct_add(results[2], ct_scalar_like(x, epsilon)) : NULL;
    results[0] = ct_mul(from_mean, beside(ct_rsqrt(moved), x));
    return results[0] ? (int64_t)ct_item(all) : -1;
}

static bool fits(ct_mpi *m, const ct_tensor *x)
{
    char text[CT_SHAPE_TEXT];
    if (!ct__mpi_alive(m, "mpi_batch_norm") || !ct_usable(x, "mpi_batch_norm"))
        return false;
    if (ct_ndim(x) >= 2)
        return true;
    ct_fail(m->cx, CT_ERROR_SHAPE, "mpi_batch_norm: x must be (N,C,...), got %s",
            ct_shape_text(x, text));
    return false;
}

/* a ct_normalize */
static int64_t normalize_all(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon,
                             ct_tensor **results, void *user)
{
    int64_t n = fits(user, x) ? normalize(user, x, epsilon, results) : -1;
    if (n >= 0 && weight)
        results[0] = ct_mul(results[0], beside(weight, x));
    if (n >= 0 && bias)
        results[0] = ct_add(results[0], beside(bias, x));
    if (n >= 0 && results[0])
        return n;
    results[0] = results[1] = results[2] = NULL;
    return -1;
}

ct_status ct_mpi_batch_norm(ct_mpi *m, ct_tensor *x, ct_tensor *weight, ct_tensor *bias,
                            double epsilon, ct_tensor **results)
{
    results[0] = results[1] = results[2] = NULL;
    if (m && ct_error(m->cx) != CT_OK && (!weight || !bias)) /* one of them may have failed */
        return ct_error(m->cx);
    return normalize_all(x, weight, bias, epsilon, results, m) >= 0 ? CT_OK
           : m ? ct_error(m->cx) : CT_ERROR_NULL;
}

ct_module *ct_mpi_batch_norm_new(ct_mpi *m, ct_dtype dtype, int64_t channels,
                                 const ct_batch_norm_options *options)
{
    ct_batch_norm_options o = options ? *options : (ct_batch_norm_options){ 0 };
    if (!ct__mpi_alive(m, "mpi_batch_norm_new"))
        return NULL;
    m->synchronized = true;
    o.train = normalize_all;
    o.user = m;
    return ct_batch_norm_new(m->cx, dtype, channels, &o);
}
