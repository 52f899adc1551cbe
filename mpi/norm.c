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
#include <math.h>
#include <string.h>

#include "ranks.h"

/* -- The sum over ranks */
static bool add_up(ct_mpi *m, void *data, ct_dtype dtype, int64_t n)
{
    const size_t bytes = (size_t)n * ct_dtype_size(dtype);
    const MPI_Datatype type = ct__mpi_type(dtype);
    MPI_Request request = MPI_REQUEST_NULL;
    char *room = ct__mpi_take(m, bytes);
    if (!room)
        return false;
    memcpy(room, data, bytes);
    bool done = ct__mpi_good(m, MPI_Iallreduce(MPI_IN_PLACE, room, (int)n, type, MPI_SUM, m->comm,
                                               &request), "MPI_Iallreduce") &&
                ct__mpi_wait(m, &request, 1);
    if (done)
        memcpy(data, room, bytes);
    ct__mpi_give_back(m, room);
    return done;
}

/* in the order of ranks */
static bool add_in_order(ct_mpi *m, void *data, ct_dtype dtype, int64_t n)
{
    const size_t bytes = (size_t)n * ct_dtype_size(dtype);
    const MPI_Datatype type = ct__mpi_type(dtype);
    MPI_Request request = MPI_REQUEST_NULL;
    char *room = ct__mpi_take(m, bytes * (size_t)(m->size + 1)), *mine = room;
    if (!room)
        return false;
    memcpy(mine, data, bytes);
    room += bytes;
    bool done = ct__mpi_good(m, MPI_Iallgather(mine, (int)n, type, room, (int)n, type, m->comm,
                                               &request), "MPI_Iallgather") &&
                ct__mpi_wait(m, &request, 1);
    for (int k = 1; k < m->size && done; k++)
        ct__mpi_add(dtype, room, room + (size_t)k * bytes, n);
    if (done)
        memcpy(data, room, bytes);
    ct__mpi_give_back(m, mine);
    return done;
}

static ct_status total_forward(ct_call *call)
{
    ct_mpi *m = *(ct_mpi *const *)ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    const int64_t n = ct_count(x);
    void *data = ct_data_mutable(y);
    if (ct_assign(y, x) != CT_OK || !data)
        return ct_error(m->cx);
    if (!ct__mpi_begin(m, CT__MPI_TOTAL))
        return CT_ERROR_CALLBACK;
    m->synchronized = true;
    bool done = m->options.ordered ? add_in_order(m, data, ct_dtype_of(y), n)
                                   : add_up(m, data, ct_dtype_of(y), n);
    return done ? CT_OK : CT_ERROR_CALLBACK;
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
    if (!ct__mpi_alive(m, "mpi_total"))
        return NULL;
    if (x && ct_count(x) > INT32_MAX)
        return ct_fail(m->cx, CT_ERROR_RANGE, "mpi_total: x must have fewer than 2^31 elements"),
               NULL;
    return ct_apply(&total, &m, &x, 1);
}

/* -- Batch normalization */
typedef struct moments {
    ct_tensor *y, *mean, *variance;
    double count; /* elements of a channel, on all ranks */
} moments;

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

static bool normalize(ct_mpi *m, ct_tensor *x, double epsilon, moments *r)
{
    const int64_t channels = ct_size(x, 1), n = channels > 0 ? ct_count(x) / channels : 0;
    ct_tensor *count = ct_full(m->cx, ct_dtype_of(x), CT_SHAPE(1), (double)n);
    ct_tensor *sums = ct_mpi_total(m, ct_concat(CT_TENSORS(channel_sums(x), count), 0));
    ct_tensor *all = ct_slice(sums, 0, channels, channels + 1, 1);
    r->mean = ct_div(ct_slice(sums, 0, 0, channels, 1), all);
    ct_tensor *from_mean = ct_sub(x, beside(r->mean, x));
    ct_tensor *squares = from_mean ? channel_sums(ct_square(from_mean)) : NULL;
    r->variance = ct_div(ct_mpi_total(m, squares), all);
    ct_tensor *by = r->variance ? ct_rsqrt(ct_add(r->variance, ct_scalar_like(x, epsilon))) : NULL;
    r->y = ct_mul(from_mean, beside(by, x));
    r->count = r->y ? ct_item(all) : 0;
    return r->y != NULL;
}

static bool fits(ct_mpi *m, const ct_tensor *x)
{
    char text[CT_SHAPE_TEXT];
    if (!ct_usable(x, "mpi_batch_norm"))
        return false;
    if (ct_ndim(x) >= 2)
        return true;
    ct_fail(m->cx, CT_ERROR_SHAPE, "mpi_batch_norm: x must be (N,C,...), got %s",
            ct_shape_text(x, text));
    return false;
}

static bool batch_norm(ct_mpi *m, ct_tensor *x, ct_tensor *const *affine, double epsilon,
                       moments *r)
{
    if (!ct__mpi_alive(m, "mpi_batch_norm") || !fits(m, x) || !normalize(m, x, epsilon, r))
        return false;
    if (affine[0])
        r->y = ct_mul(r->y, beside(affine[0], x));
    if (affine[1])
        r->y = ct_add(r->y, beside(affine[1], x));
    return r->y != NULL;
}

ct_status ct_mpi_batch_norm(ct_mpi *m, ct_tensor *x, ct_tensor *weight, ct_tensor *bias,
                            double epsilon, ct_tensor **results)
{
    moments r = { 0 };
    ct_tensor *affine[] = { weight, bias };
    bool pending = m && ct_error(m->cx) != CT_OK && (!weight || !bias);
    bool done = !pending && batch_norm(m, x, affine, epsilon, &r);
    results[0] = done ? r.y : NULL;
    results[1] = done ? r.mean : NULL;
    results[2] = done ? r.variance : NULL;
    return done ? CT_OK : m ? ct_error(m->cx) : CT_ERROR_NULL;
}

/* -- As a layer */
typedef struct layer {
    ct_mpi *m;
    ct_batch_norm_options o;
} layer;

static ct_status update(ct_module *self, const layer *l, const moments *r)
{
    ct_tensor *mean = ct_module_parameter(self, "running_mean");
    ct_tensor *variance = ct_module_parameter(self, "running_var");
    ct_tensor *batches = ct_module_parameter(self, "num_batches_tracked");
    if (!batches)
        return ct_error(l->m->cx);
    const int64_t count = ct_item_int(batches) + 1;
    ct_tensor *by = ct_scalar_like(mean, l->o.cumulative ? 1 / (double)count : l->o.momentum);
    ct_tensor *unbiased = ct_scale(ct_detach(r->variance), r->count / (r->count - 1));
    ct_tensor *new_mean = ct_lerp(mean, ct_detach(r->mean), by);
    ct_tensor *new_variance = ct_lerp(variance, unbiased, by);
    if (!new_mean || !new_variance)
        return CT_ERROR_MEMORY;
    ct_assign(mean, new_mean);
    ct_assign(variance, new_variance);
    return ct_fill(batches, (double)count);
}

static ct_tensor *layer_forward(ct_module *self, ct_tensor *x, void *user)
{
    const layer *l = user;
    ct_context *cx = ct_context_of(x);
    moments r = { 0 };
    ct_tensor *affine[2] = { NULL, NULL };
    if (!l->o.no_weight && !(affine[0] = ct_module_parameter(self, "weight")))
        return NULL;
    if (!l->o.no_bias && !(affine[1] = ct_module_parameter(self, "bias")))
        return NULL;
    if (ct_is_inference(cx) && !l->o.no_statistics)
        return ct_batch_norm(x, ct_module_parameter(self, "running_mean"),
                             ct_module_parameter(self, "running_var"), affine[0], affine[1],
                             l->o.epsilon);
    if (!batch_norm(l->m, x, affine, l->o.epsilon, &r))
        return NULL;
    bool keeps = !l->o.no_statistics && !ct_is_repeating(cx) && r.count > 1;
    return keeps && update(self, l, &r) != CT_OK ? NULL : r.y;
}

static bool add_entries(ct_module *m, ct_context *cx, ct_dtype dtype, int64_t channels,
                        const ct_batch_norm_options *o)
{
    if (!o->no_weight &&
        !ct_module_add_parameter(m, "weight", ct_ones(cx, dtype, CT_SHAPE(channels))))
        return false;
    if (!o->no_bias &&
        !ct_module_add_parameter(m, "bias", ct_zeros(cx, dtype, CT_SHAPE(channels))))
        return false;
    return o->no_statistics ||
           (ct_module_add_buffer(m, "running_mean", ct_zeros(cx, dtype, CT_SHAPE(channels))) &&
            ct_module_add_buffer(m, "running_var", ct_ones(cx, dtype, CT_SHAPE(channels))) &&
            ct_module_add_buffer(m, "num_batches_tracked", ct_zeros(cx, CT_I64, NULL, 0)));
}

ct_module *ct_mpi_batch_norm_new(ct_mpi *m, ct_dtype dtype, int64_t channels,
                                 const ct_batch_norm_options *options)
{
    if (!ct__mpi_alive(m, "mpi_batch_norm_new"))
        return NULL;
    /* the layer that this one stands for checks the options */
    ct_module *like = ct_batch_norm_new(m->cx, dtype, channels, options), *self = NULL;
    layer *l = like ? ct_object_new(m->cx, sizeof *l, NULL) : NULL;
    ct_module_free(like);
    if (!l)
        return NULL;
    m->synchronized = true;
    l->m = m;
    l->o = options ? *options : (ct_batch_norm_options){ 0 };
    l->o.epsilon = l->o.epsilon > 0 ? l->o.epsilon : l->o.epsilon < 0 ? 0 : 1e-5;
    l->o.momentum = l->o.momentum > 0 ? l->o.momentum : 0.1;
    ct_scope scope = ct_scope_begin(m->cx);
    if (scope)
        self = ct_module_new(m->cx, "batch_norm", layer_forward, l);
    if (self && !add_entries(self, m->cx, dtype, channels, &l->o)) {
        ct_module_free(self);
        self = NULL;
    }
    ct_scope_end(m->cx, scope);
    return self;
}
