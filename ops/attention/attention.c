/* Attention: y = P v, where P is the softmax of the scores S = scale q k^T + mask along the keys.
 * With L_i = log sum_j e^(S_ij), P_ij = e^(S_ij - L_i), and from gy,
 *
 *   gv = P^T gy     gP = gy v^T     gS_ij = P_ij (gP_ij - D_i)     D_i = sum_j P_ij gP_ij
 *   gq = scale gS k     gk = scale gS^T q     gmask = gS
 *
 * and D_i = sum_e gy_ie y_ie, since sum_j P_ij sum_e gy_ie v_je is that. Backward computes P from L
 * again, tile by tile (tiles.c).
 *
 * With dropout, y = (m P) v, m_ij = 0 with probability p, else 1 / (1 - p). Then gv = (m P)^T gy
 * and gP = m (gy v^T), and D is the same. The place in the stream at which the draws of m begin is
 * kept, and m is not. */
#include "attention.h"

#include <cotangent/ops.h>
#include <math.h>
#include <string.h>

static ct_status infer(ct_call *call)
{
    const ct_tensor *q = ct_call_x(call, 0), *k = ct_call_x(call, 1), *v = ct_call_x(call, 2);
    const ct_tensor *mask = ct_call_x(call, 3);
    ct_dtype dtype = ct_dtype_of(q);
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_ndim(q);
    if (ct_call_inputs(call) > 4)
        return ct_call_fail(call, CT_ERROR_VALUE, "takes 3 or 4 inputs, got %d",
                            ct_call_inputs(call));
    if ((dtype != CT_F32 && dtype != CT_F64) || ct_dtype_of(k) != dtype ||
        ct_dtype_of(v) != dtype ||
        (mask && ct_dtype_of(mask) != dtype && ct_dtype_of(mask) != CT_BOOL))
        return ct_call_fail(call, CT_ERROR_DTYPE, "q, k and v must be of one dtype, f32 or f64, "
                            "and the mask must be of that dtype or bool (see ct_cast)");
    double p = ((const ct__attention *)ct_call_attributes(call))->dropout;
    if (!(p >= 0 && p < 1))
        return ct_call_fail(call, CT_ERROR_VALUE, "dropout must be in [0, 1), got %g", p);
    bool fits = ndim >= 2 && ct_ndim(k) == ndim && ct_ndim(v) == ndim &&
                (!mask || ct_ndim(mask) == ndim);
    for (int d = 0; d < ndim - 2 && fits; d++)
        fits = ct_size(k, d) == ct_size(q, d) && ct_size(v, d) == ct_size(q, d) &&
               (!mask || ct_size(mask, d) == ct_size(q, d));
    fits = fits && ct_size(k, -1) == ct_size(q, -1) && ct_size(k, -2) == ct_size(v, -2) &&
           (!mask || (ct_size(mask, -2) == ct_size(q, -2) && ct_size(mask, -1) == ct_size(k, -2)));
    if (!fits)
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes q (...,t,d), k (...,s,d), v (...,s,e), "
                            "and a mask (...,t,s)");
    memcpy(shape, ct_shape(q), sizeof(int64_t) * (size_t)ndim);
    if (ct_call_records(call) && ct_call_set_aux(call, 0, dtype, shape, ndim - 1) != CT_OK)
        return CT_ERROR_MEMORY;
    if (ct_call_records(call) && p > 0 && ct_call_set_aux(call, 1, CT_I64, CT_SHAPE(2)) != CT_OK)
        return CT_ERROR_MEMORY;
    shape[ndim - 1] = ct_size(v, -1);
    return ct_call_set_y(call, 0, dtype, shape, ndim);
}

/* The whole matrix P, by operators, for derivatives of higher order: 0 in a row without keys */
static ct_tensor *weights_of(const ct_call *call)
{
    const ct__attention *a = ct_call_attributes(call);
    ct_tensor *mask = ct_call_x(call, 3);
    ct_tensor *s = ct_matmul(ct_call_x(call, 0), ct_transpose(ct_call_x(call, 1)));
    ct_tensor *zero = ct_scalar_like(s, 0), *least = ct_scalar_like(s, -INFINITY);
    s = ct_scale(s, a->scale);
    if (mask && ct_dtype_of(mask) == CT_BOOL)
        s = ct_where(mask, s, least);
    else if (mask)
        s = ct_add(s, mask);
    if (a->causal && s) {
        ct_tensor *ones = ct_ones(ct_call_context(call), CT_BOOL, ct_shape(s) + ct_ndim(s) - 2, 2);
        s = ct_where(ct_tril(ones, 0), s, least);
    }
    ct_tensor *some = ct_any_over(ct_ne(s, least), CT_AXES(-1), CT_KEEPDIMS);
    return ct_where(some, ct_softmax(ct_where(some, s, zero), -1), zero);
}

/* P (t - sum_j P t), which makes gS of gP, and tP of tS */
static ct_tensor *through_softmax(ct_tensor *p, ct_tensor *t)
{
    return ct_mul(p, ct_sub(t, ct_sum_over(ct_mul(p, t), CT_AXES(-1), CT_KEEPDIMS)));
}

/* x, of P's shape, times m */
static ct_tensor *dropped(const ct_call *call, ct_tensor *x)
{
    double p = ((const ct__attention *)ct_call_attributes(call))->dropout;
    if (p == 0 || !x)
        return x;
    const int64_t *stream = ct_data_i64(ct_call_aux(call, 1)), keys = ct_size(x, -1);
    const int64_t each = ct__attention_draws(keys);
    ct_tensor *kept = ct_empty(ct_call_context(call), CT_BOOL, ct_shape(x), ct_ndim(x));
    unsigned char *to = kept ? ct_data_mutable(kept) : NULL;
    for (int64_t i = 0; to && i < ct_count(x); i++) {
        int64_t draw = i / keys * each + i % keys / 2;
        uint64_t bits = ct_random_at((uint64_t)stream[0], (uint64_t)(stream[1] + draw));
        to[i] = (uint32_t)(bits >> i % keys % 2 * 32) >= ct__attention_below(p);
    }
    return kept ? ct_where(kept, ct_scale(x, 1 / (1 - p)), ct_scalar_like(x, 0)) : NULL;
}

static ct_status attention_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    double scale = ((const ct__attention *)ct_call_attributes(call))->scale;
    ct_tensor *p = weights_of(call);
    if (ct_call_wants(call, 2))
        gx[2] = ct_matmul(ct_transpose(dropped(call, p)), gy[0]);
    if (!ct_call_wants(call, 0) && !ct_call_wants(call, 1) && !ct_call_wants(call, 3))
        return CT_OK;
    ct_tensor *gp = dropped(call, ct_matmul(gy[0], ct_transpose(ct_call_x(call, 2))));
    ct_tensor *gs = through_softmax(p, gp), *scaled = ct_scale(gs, scale);
    if (ct_call_wants(call, 0))
        gx[0] = ct_matmul(scaled, ct_call_x(call, 1));
    if (ct_call_wants(call, 1))
        gx[1] = ct_matmul(ct_transpose(scaled), ct_call_x(call, 0));
    if (ct_call_wants(call, 3))
        gx[3] = gs;
    return CT_OK;
}

static ct_tensor *sum_of(ct_tensor *a, ct_tensor *b)
{
    return a && b ? ct_add(a, b) : a ? a : b;
}

/* ty = (m tP) v + (m P) tv with tP_ij = P_ij (tS_ij - sum_j P_ij tS_ij) and
 * tS = scale (tq k^T + q tk^T) + tmask */
static ct_status attention_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    double scale = ((const ct__attention *)ct_call_attributes(call))->scale;
    ct_tensor *tmask = ct_call_inputs(call) > 3 ? tx[3] : NULL, *p = weights_of(call), *ts = NULL;
    if (tx[0])
        ts = ct_matmul(tx[0], ct_transpose(ct_call_x(call, 1)));
    if (tx[1])
        ts = sum_of(ts, ct_matmul(ct_call_x(call, 0), ct_transpose(tx[1])));
    ts = sum_of(ts ? ct_scale(ts, scale) : NULL, tmask);
    if (ts)
        ty[0] = ct_matmul(dropped(call, through_softmax(p, ts)), ct_call_x(call, 2));
    if (tx[2])
        ty[0] = sum_of(ts ? ty[0] : NULL, ct_matmul(dropped(call, p), tx[2]));
    return CT_OK;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *to)
{
    static const struct {
        int64_t n, t, s, d, e;
        bool causal;
        ct_dtype mask; /* or 0 */
        double dropout;
    } all[] = { { 2, 3, 4, 2, 3, false, 0, 0 },       { 1, 3, 3, 2, 2, true, CT_F64, 0 },
                { 2, 2, 3, 3, 1, false, CT_BOOL, 0 }, { 1, 1, 2, 1, 2, false, 0, 0 },
                { 1, 2, 4, 1, 2, true, 0, 0 },        { 1, 0, 2, 2, 1, false, 0, 0 },
                { 1, 2, 0, 2, 2, true, 0, 0 },        { 2, 3, 3, 2, 2, true, CT_F64, 0.4 } };
    if (k >= (int)(sizeof all / sizeof *all))
        return 0;
    int64_t n = all[k].n, t = all[k].t, s = all[k].s, d = all[k].d;
    *(ct__attention *)to = (ct__attention){ k == 0 ? 0.7 : 1, all[k].causal, all[k].dropout };
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(n, t, d));
    x[1] = ct_randn(cx, CT_F64, CT_SHAPE(n, s, d));
    x[2] = ct_randn(cx, CT_F64, CT_SHAPE(n, s, all[k].e));
    if (!all[k].mask)
        return 3;
    static const unsigned char allowed[] = { 0, 0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0 };
    x[3] = all[k].mask == CT_BOOL ? ct_from_memory(cx, CT_BOOL, CT_SHAPE(n, t, s), allowed)
                                  : ct_randn(cx, CT_F64, CT_SHAPE(n, t, s));
    return 4;
}

extern const ct_op ct__attention_op;
const ct_op ct__attention_op = {
    .name = "attention",
    .formula = "y = P v, P = softmax(scale q k^T + mask)",
    .derivative = "gv = P^T g, gmask = P (g v^T - sum of P (g v^T)), gq = scale gmask k, "
                  "gk = scale gmask^T q",
    .inputs = -3,
    .flags = CT_OP_RANDOM,
    .saves = CT_SAVE_ALL_X | CT_SAVE_Y(0) | CT_SAVE_AUX,
    .attributes_size = sizeof(ct__attention),
    .infer = infer,
    .forward = ct__attention_forward,
    .vjp = attention_vjp,
    .jvp = attention_jvp,
    .backward = ct__attention_backward,
    .sample = sample,
};

ct_tensor *ct_padding_mask(ct_tensor *lengths, int64_t size)
{
    if (!ct_usable(lengths, "padding_mask"))
        return NULL;
    ct_context *cx = ct_context_of(lengths);
    if (ct_dtype_of(lengths) != CT_I64 || ct_ndim(lengths) != 1 || size < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "padding_mask: takes lengths (n) of i64, and a size "
                       "that is not negative"), NULL;
    return ct_lt(ct_range(cx, CT_I64, size),
                 ct_reshape(lengths, CT_SHAPE(ct_count(lengths), 1, 1, 1)));
}

/* x with these leading axes before its last two, by a view */
static ct_tensor *spread(ct_tensor *x, const int64_t *leading, int ndim, const int64_t *last)
{
    int64_t shape[CT_MAX_DIMS];
    size_t bytes = sizeof *shape * (size_t)ndim;
    memcpy(shape, leading, bytes);
    memcpy(shape + ndim, last, 2 * sizeof *shape);
    bool is_so = ct_ndim(x) == ndim + 2 && memcmp(ct_shape(x), shape, bytes) == 0 &&
                 ct_size(x, -2) == last[0] && ct_size(x, -1) == last[1];
    return is_so ? x : ct_broadcast_to(x, shape, ndim + 2);
}

/* Makes of x, which is q, k, v and a mask or NULL, inputs of the operator: leading axes are
 * broadcast. Where they do not fit, x stays as it is, and the operator says so */
static void spread_all(ct_tensor **x)
{
    int64_t shape[CT_MAX_DIMS + 2], last[2];
    int ndim = 0;
    for (int i = 0; i < 3; i++)
        if (ct_ndim(x[i]) < 2 ||
            !ct_broadcast_shape(shape, &ndim, ct_shape(x[i]), ct_ndim(x[i]) - 2))
            return;
    ndim += 2;
    shape[ndim - 2] = ct_size(x[0], -2);
    shape[ndim - 1] = ct_size(x[1], -2);
    if (x[3] && (!ct_broadcast_shape(shape, &ndim, ct_shape(x[3]), ct_ndim(x[3])) ||
                 shape[ndim - 2] != ct_size(x[0], -2) || shape[ndim - 1] != ct_size(x[1], -2)))
        return;
    for (int i = 0; i < 4 && ndim <= CT_MAX_DIMS; i++)
        if (x[i]) {
            last[0] = i == 3 ? shape[ndim - 2] : ct_size(x[i], -2);
            last[1] = i == 3 ? shape[ndim - 1] : ct_size(x[i], -1);
            x[i] = spread(x[i], shape, ndim - 2, last);
        }
}

/* the mask may be NULL if there is none, but not if it failed: then an error is pending */
ct_tensor *ct_attention(ct_tensor *q, ct_tensor *k, ct_tensor *v, ct_tensor *mask,
                        const ct_attention_options *options)
{
    const ct_attention_options o = options ? *options : (ct_attention_options){ 0 };
    ct_tensor *x[] = { q, k, v, mask };
    for (int i = 0; i < 4; i++) {
        if (x[i] && !ct_usable(x[i], "attention"))
            return NULL;
        if (q && o.reserved[i] != 0)
            return ct_fail(ct_context_of(q), CT_ERROR_VALUE, "attention: the reserved fields of "
                           "the options must be 0"), NULL;
    }
    bool failed = !mask && q && ct_error(ct_context_of(q));
    int64_t d = q && ct_ndim(q) > 0 ? ct_size(q, -1) : 0;
    ct__attention a = { o.scale != 0 ? o.scale : d > 0 ? 1 / sqrt((double)d) : 1, o.causal,
                         o.dropout };
    if (q && k && v && !failed)
        spread_all(x);
    return ct_apply(&ct__attention_op, &a, x, mask || failed ? 4 : 3);
}
