/* Calls of operators and of public functions, on any operands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

ct_tensor *api_operator(fuzz_bytes *in, ct_tensor *const *x, int n)
{
    int count;
    const api_op *ops = api_ops(&count), *o = &ops[fuzz_take(in, count)];
    int k = fuzz_take(in, o->samples), inputs = o->sample[k].n;
    ct_tensor *y[8] = { 0 }, *given[8];
    /* attributes of an update are those of as many parameters; the other is a rule of ct_gamma's,
       and means nothing outside of its domain */
    if (o->op->flags & CT_OP_UPDATE || strcmp(o->op->name, "gamma_slope") == 0)
        return NULL;
    for (int i = 0; i < inputs; i++)
        given[i] = x[fuzz_take(in, n)];
    if (ct_apply_all(o->op, o->sample[k].attributes, given, inputs, y) == CT_OK)
        api_reached(o->op);
    return y[0];
}

void api_sample(api *a)
{
    int count;
    const api_op *ops = api_ops(&count), *o = &ops[fuzz_take(&a->in, count)];
    ct_tensor *x[8] = { 0 }, *y[8] = { 0 };
    _Alignas(16) char attributes[1024];
    int n = o->op->sample(a->cx, fuzz_take(&a->in, o->samples), x, attributes);
    unsigned variables = (unsigned)fuzz_take(&a->in, 256);
    for (int i = 0; i < n; i++)
        if (variables >> i & 1 && (ct_dtype_of(x[i]) == CT_F64 || ct_dtype_of(x[i]) == CT_F32) &&
            !(o->op->flags & CT_OP_UPDATE))
            ct_variable(x[i]);
    if (ct_apply_all(o->op, attributes, x, n, y) == CT_OK)
        api_reached(o->op);
    api_put(a, y[0]);
    api_put(a, x[0]);
}

/* mostly small, seldom the largest or the smallest */
static int64_t any(fuzz_bytes *in)
{
    static const int64_t odd[] = { INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN, 1000, -1000,
                                   (int64_t)1 << 40, INT64_MAX / 2 };
    int k = fuzz_take(in, 128);
    return k < 8 ? odd[k] : k % 9 - 3;
}

static double number(fuzz_bytes *in)
{
    static const double odd[] = { INFINITY, -INFINITY, NAN, 0, -0.0, 1e300, 5e-324, -1e-30 };
    int k = fuzz_take(in, 128);
    return k < 8 ? odd[k] : (k - 68) / 16.0;
}

ct_tensor *api_function(fuzz_bytes *in, ct_tensor *const *x, int count)
{
    ct_tensor *a = x[0], *b = x[count > 1], *y[4] = { 0 };
    int64_t l[4] = { any(in), any(in), any(in), any(in) };
    int n = fuzz_take(in, 5), axis = (int)l[3], flags = fuzz_take(in, 8);
    switch (fuzz_take(in, 64)) {
    case 0: return ct_add(a, b);
    case 1: return ct_mul(a, b);
    case 2: return ct_matmul(a, b);
    case 3: return ct_reshape(a, l, n);
    case 4: return ct_reshape(a, CT_SHAPE(-1));
    case 5: return ct_transpose(a);
    case 6: return ct_permute(a, l, n);
    case 7: return ct_squeeze(a, axis);
    case 8: return ct_unsqueeze(a, axis);
    case 9: return ct_expand(a, l, n);
    case 10: return ct_slice(a, axis, l[0], l[1], l[2]);
    case 11: return ct_slice(a, axis & 1, l[0], flags & 1 ? CT_END : l[1], 1 + (l[2] & 1));
    case 12: return ct_select(a, axis, l[0]);
    case 13: return ct_flatten(a, (int)l[0], axis);
    case 14: return ct_swap_axes(a, (int)l[0], axis);
    case 15: return ct_move_axis(a, (int)l[0], axis);
    case 16: return ct_flip(a, l, n);
    case 17: return ct_diagonal(a, l[0], (int)l[1], axis);
    case 18: return ct_windows(a, axis, l[0], l[1]);
    case 19: return ct_split(a, l, n, axis, y) == CT_OK ? y[flags & 1] : NULL;
    case 20: return ct_unbind(a, axis, y, n) == CT_OK ? y[0] : NULL;
    case 21: return ct_meshgrid(x, 2, y) == CT_OK ? y[1] : NULL;
    case 22: return ct_contiguous(a);
    case 23: return ct_concat(x, 2, axis);
    case 24: return ct_stack(x, 2, axis);
    case 25: return ct_roll(a, l[0], axis);
    case 26: return ct_repeat(a, l[0] & 7, axis);
    case 27: return ct_tile(a, CT_SHAPE(l[0] & 3, l[1] & 3));
    case 28: return ct_pad(a, CT_SIZES(l[0] % 8, l[1] % 8), (ct_padding)(flags & 3), number(in));
    case 29: return ct_diag_embed(a, l[0] % 8, (int)l[1], axis);
    case 30: return ct_tril(a, l[0]);
    case 31: return ct_triu(a, l[0]);
    case 32: return ct_fold_windows(a, axis, l[0] & 15, l[1]);
    case 33: return ct_sum_over(a, l, n, (unsigned)flags);
    case 34: return ct_mean_over(a, l, n, (unsigned)flags);
    case 35: return ct_max_over(a, l, n, (unsigned)flags);
    case 36: return ct_var_over(a, l, n, (unsigned)flags);
    case 37: return ct_norm_over(a, number(in), l, n, (unsigned)flags);
    case 38: return ct_logsumexp(a);
    case 39: return ct_softmax(a, axis);
    case 40: return ct_log_softmax(a, axis);
    case 41: return ct_sum_to(a, l, n);
    case 42: return ct_broadcast_to(a, l, n);
    case 43: return ct_index_select(a, axis, b);
    case 44: return ct_gather(a, axis, b);
    case 45: return ct_index(a, x, 1 + (n & 1));
    case 46: return ct_masked_select(a, ct_gt(b, ct_scalar_like(b, number(in))));
    case 47: return ct_index_add(a, axis, b, x[count - 1]);
    case 48: return ct_scatter_add(a, axis, b, x[count - 1]);
    case 49: return ct_one_hot(b, l[0] & 15, CT_F64);
    case 50: return ct_cast(a, (ct_dtype)(flags & 3) + 1);
    case 51: return ct_where(ct_gt(a, ct_scalar_like(a, 0)), a, b);
    case 52: return ct_einsum(flags & 1 ? "ij,jk->ik" : "ij,kj->ki", x, 2);
    case 53: return ct_einsum(flags & 1 ? "...i->..." : "ii->i", x, 1);
    case 54: return ct_tensordot(a, b, l, l + 2, n & 1);
    case 55: return ct_linear(a, b, flags & 1 ? x[count - 1] : NULL);
    case 56: return ct_cumsum(a, axis);
    case 57: return ct_sort(a, axis, (unsigned)flags, y, y + 1) == CT_OK ? y[0] : NULL;
    case 58: return ct_dropout(a, 0.5);
    case 59: return ct_cross_entropy(a, b);
    case 60: return ct_scale(a, number(in));
    case 61: return ct_cumsum(b, axis);
    case 62: return ct_scalar_like(a, number(in));
    default: return ct_sum(ct_square(a));
    }
}
