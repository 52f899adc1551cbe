/* Batch normalization as a layer. Its entries are the weight and the bias, unless the options leave
 * them out, and then, unless there are none, the statistics: running_mean, running_var and
 * num_batches_tracked. These take part in no graph, and change only in training, and not while a
 * function runs again. */
#include <math.h>

#include "layers.h"

typedef struct batch_norm {
    double epsilon, momentum;
    bool no_weight, no_bias, no_statistics, cumulative;
} batch_norm;

typedef struct entries {
    ct_tensor *weight, *bias, *mean, *variance, *batches;
} entries;

static entries entries_of(const ct_module *m, const batch_norm *a)
{
    entries e = { NULL };
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

/* One batch more. The running variance is that of all examples, whose estimate has n - 1. Of no
 * examples nothing follows. */
static ct_status update(const entries *e, const batch_norm *a, int64_t n, ct_tensor *mean,
                        ct_tensor *variance)
{
    const int64_t batches = ct_item_int(e->batches) + 1;
    const double share = a->cumulative ? 1 / (double)batches : a->momentum;
    if (n > 0) {
        ct_tensor *by = ct_scalar_like(e->mean, share);
        variance = ct_scale(ct_detach(variance), (double)n / (double)(n - 1));
        mean = ct_lerp(e->mean, ct_detach(mean), by);
        variance = ct_lerp(e->variance, variance, by);
        if (!mean || !variance)
            return CT_ERROR_MEMORY;
        ct_assign(e->mean, mean);
        ct_assign(e->variance, variance);
    }
    return ct_fill(e->batches, (double)batches);
}

static ct_tensor *batch_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const batch_norm *a = user;
    const entries e = entries_of(self, a);
    const bool inference = ct_is_inference(self->cx);
    ct_tensor *results[3];
    if (inference && !a->no_statistics)
        return ct_batch_norm(x, e.mean, e.variance, e.weight, e.bias, a->epsilon);
    if (ct_batch_norm_train(x, e.weight, e.bias, a->epsilon, results) != CT_OK)
        return NULL;
    if (a->no_statistics || ct_is_repeating(self->cx))
        return results[0];
    const int64_t channels = ct_size(x, 1), n = channels > 0 ? ct_count(x) / channels : 0;
    return update(&e, a, n, results[1], results[2]) == CT_OK ? results[0] : NULL;
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

static bool read_options(ct_context *cx, const ct_batch_norm_options *o, batch_norm *to)
{
    if (!ct__options_zeroed(cx, "batch_norm_new", o->reserved))
        return false;
    if (!isfinite(o->epsilon))
        return ct_fail(cx, CT_ERROR_VALUE, "batch_norm_new: epsilon must be finite, got %g",
                       o->epsilon), false;
    if (!(o->momentum >= 0 && o->momentum <= 1))
        return ct_fail(cx, CT_ERROR_VALUE, "batch_norm_new: momentum must be from 0 to 1, got %g",
                       o->momentum), false;
    if (o->cumulative && o->momentum > 0)
        return ct_fail(cx, CT_ERROR_VALUE, "batch_norm_new: cumulative statistics have no "
                       "momentum, got %g", o->momentum), false;
    *to = (batch_norm){ o->epsilon > 0 ? o->epsilon : o->epsilon < 0 ? 0 : 1e-5,
                        o->momentum > 0 ? o->momentum : 0.1, o->no_weight, o->no_bias,
                        o->no_statistics, o->cumulative };
    return true;
}

ct_module *ct_batch_norm_new(ct_context *cx, ct_dtype dtype, int64_t channels,
                             const ct_batch_norm_options *options)
{
    batch_norm a;
    if (!read_options(cx, options ? options : &(ct_batch_norm_options){ 0 }, &a) ||
        !ct__parameters_float(cx, "batch_norm_new", dtype))
        return NULL;
    if (channels < 1)
        return ct_fail(cx, CT_ERROR_RANGE, "batch_norm_new: there must be 1 channel or more, got "
                       "%lld", (long long)channels), NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_module *m = ct__module_with(cx, "batch_norm", batch_norm_forward, &a, sizeof a);
    if (m && !add_entries(m, dtype, channels, &a)) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}
