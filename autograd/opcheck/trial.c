/* A trial applies an operator to the inputs and attributes of one of its samples. */
#include "trial.h"

int ct__trial_draw(ct_context *cx, const ct__trial *t, ct_tensor **x, void *attributes)
{
    cx->seed = t->seed, cx->draws = (uint64_t)t->sample << 32;
    return t->op->sample(cx, t->sample, x, attributes);
}

void ct__trial_drop(const ct__trial *t, void *attributes, int n)
{
    if (t->op->drop && n > 0)
        t->op->drop(attributes);
}

static double *weights_of(ct_context *cx, uint64_t seed, int64_t count)
{
    double *w = (double *)(void *)ct__scope_chars(cx, ((size_t)count + 1) * sizeof *w);
    for (int64_t k = 0; w && k < count; k++)
        w[k] = (double)(ct_random_at(seed, (uint64_t)k) >> 44) * 0x1p-19 - 1;
    return w;
}

/* those of n outputs that are floats; *count: of all their elements */
static int floats_of(ct_tensor *const *y, int n, ct_tensor **floats, int64_t *count)
{
    int found = 0;
    *count = 0;
    for (int i = 0; i < n; i++)
        if (ct__is_float((ct_dtype)y[i]->dtype)) {
            *count += y[i]->count;
            floats[found++] = y[i];
        }
    return found;
}

ct_tensor *ct__combined(ct_context *cx, const ct_op *op, uint64_t seed, ct_tensor *const *y, int n)
{
    ct_tensor *floats[CT__TRIAL_OUTPUTS];
    int64_t count;
    int found = floats_of(y, n, floats, &count);
    if (found == 1)
        return floats[0];
    if (found == 0)
        return ct_fail(cx, CT_ERROR_DTYPE, "%s: no output is f32 or f64", op->name), NULL;
    double *w = weights_of(cx, seed, count);
    return w ? ct__combine(floats, found, w) : NULL;
}

ct_tensor *ct__combined_one(ct_context *cx, uint64_t seed, ct_tensor *const *y, int n, int used,
                            bool zeros)
{
    ct_tensor *floats[CT__TRIAL_OUTPUTS];
    int64_t count, first = 0;
    int found = floats_of(y, n, floats, &count), at = -1;
    double *w = weights_of(cx, seed, count);
    for (int i = 0; i < found && w; first += floats[i++]->count) {
        for (int64_t k = first; k < first + floats[i]->count && floats[i] != y[used]; k++)
            w[k] = 0;
        if (floats[i] == y[used] && at < 0)
            at = i, count = first;
    }
    if (!w || at < 0)
        return NULL;
    return zeros ? ct__combine(floats, found, w) : ct__combine(&floats[at], 1, w + count);
}

ct_tensor *ct__trial_outputs(ct_context *cx, const ct__trial *t, ct_tensor *const *x, int n,
                             ct_tensor *y[CT__TRIAL_OUTPUTS])
{
    uint64_t seed = cx->seed, draws = cx->draws;
    ct_tensor *unused[CT__TRIAL_INPUTS] = { NULL };
    void *attributes = ct__scope_chars(cx, t->op->attributes_size + 1);
    if (!attributes)
        return NULL;
    memset(attributes, 0, t->op->attributes_size);
    int drawn = ct__trial_draw(cx, t, unused, attributes);
    cx->seed = seed, cx->draws = draws;
    if (ct_error(cx) != CT_OK)
        return ct__trial_drop(t, attributes, drawn), NULL;
    if (ct_apply_all(t->op, attributes, x, n, y) != CT_OK)
        return NULL;
    return ct__combined(cx, t->op, t->seed, y, ct__trial_output_count(t->op));
}

ct_tensor *ct__trial_apply(ct_context *cx, ct_tensor *const *x, int n, void *trial)
{
    ct_tensor *y[CT__TRIAL_OUTPUTS] = { NULL };
    return ct__trial_outputs(cx, trial, x, n, y);
}
