/* Which inputs a sequence has, whether they fit, and the shapes of what comes out. */
#include "sequence.h"

const ct__cell *ct__sequence_cell(const ct_call *call)
{
    const ct__cell *const *cells = ct_call_op(call)->user;
    const ct__sequence *a = ct_call_attributes(call);
    return cells[a->relu];
}

ct__sequence_inputs ct__sequence_inputs_of(const ct_call *call)
{
    int first = ct__sequence_cell(call)->has_c ? 3 : 2, more = ct_call_inputs(call) - first - 2;
    ct__sequence_inputs in = { first, first + 1, -1, -1, -1 };
    if (more >= 2)
        in.b_ih = first + 2, in.b_hh = first + 3;
    if (more % 2)
        in.lengths = first + 1 + more;
    return in;
}

static bool has_shape(const ct_tensor *x, int64_t rows, int64_t columns)
{
    return columns < 0 ? ct_ndim(x) == 1 && ct_size(x, 0) == rows
                       : ct_ndim(x) == 2 && ct_size(x, 0) == rows && ct_size(x, 1) == columns;
}

static ct_status check_dtypes(const ct_call *call, const ct__sequence_inputs *in)
{
    ct_dtype dtype = ct_dtype_of(ct_call_x(call, CT__X));
    if (dtype != CT_F32 && dtype != CT_F64)
        return ct_call_fail(call, CT_ERROR_DTYPE, "x must be f32 or f64 (ct_cast)");
    for (int i = 0; i < ct_call_inputs(call); i++)
        if (i == in->lengths && ct_dtype_of(ct_call_x(call, i)) != CT_I64)
            return ct_call_fail(call, CT_ERROR_DTYPE, "the lengths must be i64 (ct_cast)");
        else if (i != in->lengths && ct_dtype_of(ct_call_x(call, i)) != dtype)
            return ct_call_fail(call, CT_ERROR_DTYPE, "all but the lengths must have one dtype "
                                                      "(ct_cast)");
    return CT_OK;
}

static ct_status check_shapes(const ct_call *call, const ct__sequence_inputs *in)
{
    const ct_tensor *x = ct_call_x(call, CT__X), *h = ct_call_x(call, CT__H0);
    int64_t gates = ct__sequence_cell(call)->gates, n = ct_size(x, 1), units;
    if (ct_ndim(h) != 2 || ct_size(h, 0) != n)
        return ct_call_fail(call, CT_ERROR_SHAPE, "h0 must be (N,H), for the N sequences of x");
    units = ct_size(h, 1);
    if (in->w_ih > CT__C0 && !has_shape(ct_call_x(call, CT__C0), n, units))
        return ct_call_fail(call, CT_ERROR_SHAPE, "c0 must have the shape of h0");
    if (!has_shape(ct_call_x(call, in->w_ih), gates * units, ct_size(x, 2)))
        return ct_call_fail(call, CT_ERROR_SHAPE, "w_ih must be (%lld,%lld), to fit x and h0",
                            (long long)(gates * units), (long long)ct_size(x, 2));
    if (!has_shape(ct_call_x(call, in->w_hh), gates * units, units))
        return ct_call_fail(call, CT_ERROR_SHAPE, "w_hh must be (%lld,%lld), to fit h0",
                            (long long)(gates * units), (long long)units);
    for (int i = in->b_ih; i >= 0 && i <= in->b_hh; i++)
        if (!has_shape(ct_call_x(call, i), gates * units, -1))
            return ct_call_fail(call, CT_ERROR_SHAPE, "each bias must be (%lld)",
                                (long long)(gates * units));
    if (in->lengths >= 0 && !has_shape(ct_call_x(call, in->lengths), n, -1))
        return ct_call_fail(call, CT_ERROR_SHAPE, "there must be a length for each of the %lld "
                            "sequences", (long long)n);
    return CT_OK;
}

ct_status ct__sequence_infer(ct_call *call)
{
    const ct__cell *cell = ct__sequence_cell(call);
    const ct_tensor *x = ct_call_x(call, CT__X);
    int most = cell->has_c ? 8 : 7;
    if (ct_call_inputs(call) > most)
        return ct_call_fail(call, CT_ERROR_VALUE, "takes at most %d inputs, got %d", most,
                            ct_call_inputs(call));
    ct__sequence_inputs in = ct__sequence_inputs_of(call);
    ct_status status = check_dtypes(call, &in);
    if (status != CT_OK)
        return status;
    if (ct_ndim(x) != 3 || ct_size(x, 0) < 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "x must be (T,N,inputs) with T >= 1");
    status = check_shapes(call, &in);
    ct_dtype dtype = ct_dtype_of(x);
    int64_t t = ct_size(x, 0), n = ct_size(x, 1), h = ct_size(ct_call_x(call, CT__H0), -1);
    for (int i = 1; i < (cell->has_c ? 3 : 2) && status == CT_OK; i++)
        status = ct_call_set_y(call, i, dtype, CT_SHAPE(n, h));
    if (status == CT_OK)
        status = ct_call_set_y(call, 0, dtype, CT_SHAPE(t, n, h));
    if (cell->keeps && status == CT_OK)
        status = ct_call_set_aux(call, 0, dtype, CT_SHAPE(t, n, cell->gates * h));
    if (cell->keeps && status == CT_OK)
        status = ct_call_set_aux(call, 1, dtype, CT_SHAPE(t, n, h));
    return status;
}
