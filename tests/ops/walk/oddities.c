/* What is odd about the inputs of a sample. */
#include <float.h>

#include "walk.h"

/* the sample with x' = f(x, kind) for each input, or for one of them, where that is possible */
typedef ct_tensor *change(const sample *s, ct_tensor *x, int kind);

static bool walk_changes(const sample *s, change *f, int kinds, const char *const *names)
{
    ct_context *c = ct_context_of(s->x[0]);
    for (int kind = 0; kind < kinds; kind++)
        for (int only = -1; only < (s->n > 1 ? s->n : 0); only++) {
            ct_scope scope = ct_scope_begin(c);
            sample odd = *s;
            bool made = true;
            for (int k = 0; k < s->n; k++)
                if (only < 0 || only == k) {
                    odd.x[k] = f(s, s->x[k], kind);
                    made = made && odd.x[k];
                }
            ct_error_clear(c);
            bool right = !made || is_right(&odd, names[kind]);
            ct_scope_end(c, scope);
            if (!right)
                return false;
        }
    return true;
}

bool walk_values(const sample *s)
{
    return is_right(s, "as it is");
}

/* -- Layouts */
static ct_tensor *with_gaps(ct_tensor *x)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    if (ndim == 0)
        return x;
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    shape[ndim - 1] *= 2;
    ct_tensor *wide = ct_zeros(ct_context_of(x), ct_dtype_of(x), shape, ndim);
    ct_tensor *view = ct_slice(wide, -1, 0, CT_END, 2);
    ct_assign(view, x);
    return view;
}

static ct_tensor *laid_out(const sample *s, ct_tensor *x, int kind)
{
    (void)s;
    int64_t all[CT_MAX_DIMS] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    int ndim = ct_ndim(x);
    switch (kind) {
    case 0:
        return with_gaps(x);
    case 1:
        return ndim < 2 ? x : ct_transpose(ct_contiguous(ct_transpose(x)));
    case 2:
        return ct_flip(ct_contiguous(ct_flip(x, all, ndim)), all, ndim);
    default:
        return ndim < 1 || ct_count(x) == 0
                   ? x : ct_expand(ct_slice(x, 0, 0, 1, 1), ct_shape(x), ndim);
    }
}

bool walk_layouts(const sample *s)
{
    static const char *const names[] = { "with gaps", "transposed", "reversed", "repeated" };
    for (int k = 1; k < s->n && !(s->op && s->op->flags & CT_OP_UPDATE); k++) {
        sample twice = *s;
        for (int i = 0; i <= k; i++)
            if (ct_dtype_of(s->x[i]) == ct_dtype_of(s->x[0]))
                twice.x[i] = s->x[0];
        if (!is_right(&twice, "the same tensor twice"))
            return false;
    }
    return walk_changes(s, laid_out, 4, names);
}

/* -- Numbers */
bool walk_numbers(const sample *s)
{
    const double numbers[] = { 0, -0.0, INFINITY, -INFINITY, NAN, DBL_MIN / 8, -FLT_MIN / 8 };
    ct_context *c = ct_context_of(s->x[0]);
    for (int k = 0; k < s->n; k++)
        for (int i = 0; i < 7 && is_float(s->x[k]) && ct_count(s->x[k]) > 0; i++) {
            char oddity[80];
            ct_scope scope = ct_scope_begin(c);
            sample odd = *s;
            odd.x[k] = ct_add(s->x[k], ct_zeros_like(s->x[k]));
            bool is_f32 = ct_dtype_of(s->x[k]) == CT_F32;
            double *f64 = ct_data_mutable(odd.x[k]);
            float *f32 = ct_data_mutable(odd.x[k]);
            int64_t at = ct_count(s->x[k]) / 2;
            if (is_f32)
                f32[at] = (float)numbers[i];
            else
                f64[at] = numbers[i];
            snprintf(oddity, sizeof oddity, "element %lld of x%d is %g", (long long)at, k,
                     numbers[i]);
            bool right = is_right(&odd, oddity);
            ct_scope_end(c, scope);
            if (!right)
                return false;
        }
    return true;
}

/* -- Shapes */
/* attributes that name no axis of a 0-d input cannot be those of an 8-d one */
static ct_tensor *shaped(const sample *s, ct_tensor *x, int kind)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    switch (kind) {
    case 0:
        while (x && ct_ndim(x) > 0)
            x = ct_count(x) ? ct_select(x, 0, 0) : NULL;
        return x;
    case 1:
    case 2:
        return ndim ? ct_slice(x, kind == 1 ? 0 : -1, 0, 0, 1) : x;
    default:
        if (ndim == 0 && s->op->attributes_size > 0)
            return NULL;
        for (int d = 0; d < CT_MAX_DIMS; d++)
            shape[d] = d < CT_MAX_DIMS - ndim ? 1 : ct_shape(x)[d - (CT_MAX_DIMS - ndim)];
        return ct_reshape(x, shape, CT_MAX_DIMS);
    }
}

bool walk_shapes(const sample *s)
{
    static const char *const names[] = { "0-d", "an empty first axis", "an empty last axis",
                                         "8-d" };
    return walk_changes(s, shaped, 4, names);
}
