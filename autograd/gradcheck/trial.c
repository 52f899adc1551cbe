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

/* the only float output, or a random combination of all of them */
static ct_tensor *combined(ct_context *cx, const ct__trial *t, ct_tensor *const *y, int n)
{
    ct_tensor *floats[CT__TRIAL_OUTPUTS];
    int float_count = 0;
    int64_t count = 0;
    for (int i = 0; i < n; i++)
        if (ct__is_float((ct_dtype)y[i]->dtype)) {
            count += y[i]->count;
            floats[float_count++] = y[i];
        }
    if (float_count == 1)
        return floats[0];
    if (float_count == 0)
        return ct_fail(cx, CT_ERROR_DTYPE, "%s: no output is f32 or f64", t->op->name), NULL;
    double *w = (double *)(void *)ct__scope_chars(cx, ((size_t)count + 1) * sizeof *w);
    for (int64_t k = 0; w && k < count; k++)
        w[k] = (double)(ct_random_at(t->seed, (uint64_t)k) >> 44) * 0x1p-19 - 1;
    return w ? ct__combine(floats, float_count, w) : NULL;
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
    return combined(cx, t, y, ct__trial_output_count(t->op));
}

ct_tensor *ct__trial_apply(ct_context *cx, ct_tensor *const *x, int n, void *trial)
{
    ct_tensor *y[CT__TRIAL_OUTPUTS] = { NULL };
    return ct__trial_outputs(cx, trial, x, n, y);
}
