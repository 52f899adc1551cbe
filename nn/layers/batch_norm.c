/* Batch and instance normalization as layers. Their entries are the weight and the bias, unless the
 * options leave them out, and then, unless there are none, the statistics: running_mean,
 * running_var and num_batches_tracked. These take part in no graph, and change only in training,
 * and not while a function runs again. */
#include <math.h>

#include "layers.h"

typedef struct batch_norm {
    double epsilon, momentum;
    bool no_weight, no_bias, no_statistics, cumulative;
    bool instance; /* else of the batch */
    ct_normalize train;
    void *user;
} batch_norm;

typedef struct entries {
    ct_tensor *weight, *bias, *mean, *variance, *batches;
} entries;

static entries entries_of(const ct_module *m, const batch_norm *a)
{
    entries e = { .weight = NULL };
    ct_tensor **const to[] = { a->no_weight ? NULL : &e.weight, a->no_bias ? NULL : &e.bias,
                               &e.mean, &e.variance, &e.batches };
    const ct__entry *entry = m->entries;
    for (int i = 0; i < (a->no_statistics ? 2 : 5); i++)
        if (to[i]) {
            *to[i] = entry->tensor;
            entry = ct__table_next(entry);
        }
    return e;
}

/* One batch more, with n elements in each variance. The running one is an estimate of that of all
 * examples, and so has n - 1. Nothing follows from fewer than two examples. */
static ct_status update(const entries *e, const batch_norm *a, int64_t n, ct_tensor *mean,
                        ct_tensor *variance)
{
    ct_tensor *by = ct_scalar(ct_context_of(e->mean), CT_F64, a->momentum);
    if (a->cumulative)
        by = ct_reciprocal(ct_shift(ct_cast(e->batches, CT_F64), 1));
    if (n > 1) {
        by = ct_cast(by, ct_dtype_of(e->mean));
        variance = ct_scale(ct_detach(variance), (double)n / (double)(n - 1));
        mean = ct_lerp(e->mean, ct_detach(mean), by);
        variance = ct_lerp(e->variance, variance, by);
        if (!mean || !variance)
            return CT_ERROR_MEMORY;
        ct_assign(e->mean, mean);
        ct_assign(e->variance, variance);
    }
    return a->instance ? CT_OK : ct_assign_add(e->batches, 1, ct_ones_like(e->batches));
}

/* the means over all x of their mean and variance, each taken of one channel of one x */
static ct_status update_by_instances(const entries *e, const batch_norm *a, ct_tensor *x)
{
    int64_t axes[CT_MAX_DIMS] = { 0 }, n = 1;
    const int count = ct_ndim(x) - 1;
    for (int i = 1; i < count; i++) {
        axes[i] = 1 + i;
        n *= ct_size(x, 1 + i);
    }
    x = ct_detach(x);
    ct_tensor *variance = ct_var_over(x, axes + 1, count - 1, CT_KEEPDIMS);
    ct_tensor *mean = ct_mean_over(x, axes, count, 0);
    return update(e, a, ct_size(x, 0) > 0 ? n : 0, mean, ct_mean_over(variance, axes, count, 0));
}

static ct_tensor *instance_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const batch_norm *a = user;
    const entries e = entries_of(self, a);
    if (ct_is_inference(self->cx) && !a->no_statistics)
        return ct_batch_norm(x, e.mean, e.variance, e.weight, e.bias, a->epsilon);
    ct_tensor *y = ct_instance_norm(x, e.weight, e.bias, a->epsilon);
    if (!y || a->no_statistics || ct_is_repeating(self->cx))
        return y;
    return update_by_instances(&e, a, x) == CT_OK ? y : NULL;
}

/* numbers in each variance */
static int64_t numbers_of(const ct_tensor *x)
{
    const int64_t channels = ct_size(x, 1);
    return channels > 0 ? ct_count(x) / channels : 0;
}

/* the default of the option `train`, and the same with a ReLU */
static int64_t train(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon,
                     ct_tensor **results, void *user)
{
    (void)user;
    ct_status status = ct_batch_norm_train(x, weight, bias, epsilon, results);
    return status == CT_OK ? numbers_of(x) : -1;
}

static int64_t train_relu(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon,
                          ct_tensor **results, void *user)
{
    (void)user;
    ct_status status = ct_batch_norm_relu_train(x, weight, bias, epsilon, results);
    return status == CT_OK ? numbers_of(x) : -1;
}

ct_tensor *ct__batch_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const batch_norm *a = user;
    const entries e = entries_of(self, a);
    const bool inference = ct_is_inference(self->cx);
    ct_tensor *results[3];
    if (inference && !a->no_statistics)
        return ct_batch_norm(x, e.mean, e.variance, e.weight, e.bias, a->epsilon);
    const int64_t n = a->train(x, e.weight, e.bias, a->epsilon, results, a->user);
    if (n < 0)
        return NULL;
    if (a->no_statistics || ct_is_repeating(self->cx))
        return results[0];
    return update(&e, a, n, results[1], results[2]) == CT_OK ? results[0] : NULL;
}

ct_tensor *ct__batch_norm_relu(ct_module *self, ct_tensor *x)
{
    batch_norm a = *(const batch_norm *)self->user;
    if (a.train != train || (ct_is_inference(self->cx) && !a.no_statistics))
        return ct_relu(ct__batch_norm_forward(self, x, self->user));
    a.train = train_relu;
    return ct__batch_norm_forward(self, x, &a);
}

static bool add_entries(ct_module *m, ct_dtype dtype, int64_t channels, const batch_norm *a)
{
    ct_context *cx = m->cx;
    if (!a->no_weight &&
        !ct_module_add_parameter(m, "weight", ct_ones(cx, dtype, CT_SHAPE(channels))))
        return false;
    if (!a->no_bias &&
        !ct_module_add_parameter(m, "bias", ct_zeros(cx, dtype, CT_SHAPE(channels))))
        return false;
    return a->no_statistics ||
           (ct_module_add_buffer(m, "running_mean", ct_zeros(cx, dtype, CT_SHAPE(channels))) &&
            ct_module_add_buffer(m, "running_var", ct_ones(cx, dtype, CT_SHAPE(channels))) &&
            ct_module_add_buffer(m, "num_batches_tracked", ct_zeros(cx, CT_I64, NULL, 0)));
}

/* the layer `who` without its "_new" */
static ct_module *make(ct_context *cx, const char *who, ct_forward forward, ct_dtype dtype,
                       int64_t channels, batch_norm *a)
{
    if (!isfinite(a->epsilon))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: epsilon must be finite, got %g", who, a->epsilon),
               NULL;
    if (!(a->momentum >= 0 && a->momentum <= 1))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: momentum must be from 0 to 1, got %g", who,
                       a->momentum), NULL;
    if (channels < 1)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: there must be 1 channel or more, got %lld", who,
                       (long long)channels), NULL;
    ct_scope scope;
    if (!ct__parameters_float(cx, who, dtype) || !(scope = ct_scope_begin(cx)))
        return NULL;
    a->epsilon = a->epsilon > 0 ? a->epsilon : a->epsilon < 0 ? 0 : 1e-5;
    a->momentum = a->momentum > 0 ? a->momentum : 0.1;
    ct_module *m = ct__module_with(cx, a->instance ? "instance_norm" : "batch_norm", forward, a,
                                   sizeof *a);
    if (m && !add_entries(m, dtype, channels, a)) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}

ct_module *ct_batch_norm_new(ct_context *cx, ct_dtype dtype, int64_t channels,
                             const ct_batch_norm_options *options)
{
    const ct_batch_norm_options o = options ? *options : (ct_batch_norm_options){ 0 };
    batch_norm a = { o.epsilon, o.momentum, o.no_weight, o.no_bias, o.no_statistics, o.cumulative,
                     false, o.train ? o.train : train, o.user };
    if (!ct__options_zeroed(cx, "batch_norm_new", o.reserved))
        return NULL;
    if (o.cumulative && o.momentum != 0)
        return ct_fail(cx, CT_ERROR_VALUE, "batch_norm_new: cumulative statistics have no "
                       "momentum, got %g", o.momentum), NULL;
    return make(cx, "batch_norm_new", ct__batch_norm_forward, dtype, channels, &a);
}

ct_module *ct_instance_norm_new(ct_context *cx, ct_dtype dtype, int64_t channels,
                                const ct_instance_norm_options *options)
{
    const ct_instance_norm_options o = options ? *options : (ct_instance_norm_options){ 0 };
    batch_norm a = { o.epsilon, o.momentum, !o.affine, !o.affine, !o.statistics, false, true,
                     NULL, NULL };
    if (!ct__options_zeroed(cx, "instance_norm_new", o.reserved))
        return NULL;
    return make(cx, "instance_norm_new", instance_norm_forward, dtype, channels, &a);
}
