/* The bits of an element do not depend on its place: among others it gives what it gives alone. A loop
 * over vectors and the one over the elements that are left are compiled from the same lines, and a
 * compiler may round a b + c d in two ways. */
#include "walk.h"
#include "ways.h"

enum { PLACES = 37, DRAWS = SLOW ? 4 : EXHAUSTIVE ? 400 : 40 };

static ct_tensor *drawn(ct_dtype dtype, double size)
{
    ct_tensor *x = ct_scale(ct_randn(cx, CT_F64, CT_SHAPE(PLACES)), size);
    return dtype == CT_BOOL ? ct_gt(x, ct_zeros_like(x)) : ct_cast(x, dtype);
}

/* y, and after two backward passes, of which the second adds, the gradients of x; how many */
static int outcomes(const sample *s, ct_tensor *const *x, ct_tensor *w, ct_tensor **out)
{
    ct_tensor *leaf[TASK_INPUTS];
    int n = 1;
    for (int k = 0; k < s->n; k++) {
        leaf[k] = ct_detach(x[k]);
        if (is_float(leaf[k]))
            ct_variable(leaf[k]);
    }
    for (int pass = 0; pass < 2; pass++) {
        apply(s, leaf, out);
        if (out[0] && ct_requires_grad(out[0]))
            ct_backward(ct_sum(ct_mul(out[0], w)));
    }
    for (int k = 0; k < s->n; k++)
        if (is_float(leaf[k]) && ct_gradient(leaf[k]))
            out[n++] = ct_gradient(leaf[k]);
    return n;
}

static ct_tensor *alone(ct_tensor *x, int64_t i)
{
    return ct_contiguous(ct_slice(x, 0, i, i + 1, 1));
}

/* but for what a NaN is made of */
static bool same_number(ct_tensor *all, int64_t i, ct_tensor *one)
{
    double a = ct_at(all, CT_INDEX(i)), b = ct_at(one, CT_INDEX(0));
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static bool same_places(const sample *s)
{
    ct_tensor *all[TASK_INPUTS + 1], *one[TASK_INPUTS + 1], *x[TASK_INPUTS];
    ct_tensor *y[TASK_INPUTS];
    if (apply(s, s->x, y) != CT_OK) { /* a dtype that it does not take */
        ct_error_clear(cx);
        return true;
    }
    ct_tensor *w = drawn(is_float(y[0]) ? ct_dtype_of(y[0]) : CT_F64, 1);
    int n = outcomes(s, s->x, w, all);
    for (int64_t i = 0; i < PLACES; i++) {
        ct_scope scope = ct_scope_begin(cx);
        for (int k = 0; k < s->n; k++)
            x[k] = alone(s->x[k], i);
        bool same = outcomes(s, x, alone(w, i), one) == n;
        for (int k = 0; k < n && same; k++)
            same = same_number(all[k], i, one[k]);
        ct_scope_end(cx, scope);
        if (!same)
            return wrong(s, "element %lld differs from what it is alone", (long long)i);
    }
    return true;
}

/* at an operator's samples, of which the dtypes and attributes are kept, and one dtype of floats */
static bool walk_place(const ct_op *op, int draw, ct_dtype floats)
{
    _Alignas(16) char attributes[ATTRIBUTES];
    sample s;
    ct_scope scope = ct_scope_begin(cx);
    bool right = true;
    if (sample_of(&s, cx, op, draw % 3, attributes)) {
        ct_seed(cx, (uint64_t)draw);
        for (int i = 0; i < s.n; i++)
            s.x[i] = drawn(is_float(s.x[i]) ? floats : ct_dtype_of(s.x[i]), draw % 2 ? 3 : 1);
        right = same_places(&s);
    }
    ct_scope_end(cx, scope);
    return right;
}

bool walk_places(const ct_op *op)
{
    bool right = true;
    for (int i = 0; i < DRAWS && right && op->flags & CT_OP_KERNELS; i++)
        right = walk_place(op, i, CT_F64) && walk_place(op, i, CT_F32);
    return right;
}
