/* The product of a layer, Y = f(X W^T + b), with f applied within the product.
 *
 * With Z = X W^T + b and gZ = gY f'(Z):  gX = gZ W,  gW = gZ^T X,  gb = sum of gZ's rows. f is one
 * whose slope is a function of Y, so that Z is not kept: relu' = [y > 0], tanh' = 1 - y^2,
 * sigmoid' = y (1 - y). X's leading axes are rows, as many as there are. */
#include <cotangent/ops.h>

#include "copy.h"
#include "gemm.h"

extern const ct_op ct__linear_op, ct__linear_activation_op;

static ct_activation activation_of(const ct_call *call)
{
    return *(const ct_activation *)ct_call_attributes(call);
}

static ct_status linear_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0), *w = ct_call_x(call, 1), *b = ct_call_x(call, 2);
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    ct_status status = ct_call_check_float(call);
    if (status != CT_OK)
        return status;
    if (ct_call_inputs(call) > 3)
        return ct_call_fail(call, CT_ERROR_VALUE, "takes 2 or 3 inputs, got %d",
                            ct_call_inputs(call));
    if (ndim == 0 || ct_ndim(w) != 2 || (b && ct_ndim(b) != 1))
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes x (...,k), w (n,k) and b (n)");
    if (ct_size(x, -1) != ct_size(w, 1))
        return ct_call_fail(call, CT_ERROR_SHAPE, "inner sizes differ");
    if (b && ct_size(b, 0) != ct_size(w, 0))
        return ct_call_fail(call, CT_ERROR_SHAPE, "the bias does not fit the weight");
    for (int d = 0; d < ndim - 1; d++)
        shape[d] = ct_shape(x)[d];
    shape[ndim - 1] = ct_size(w, 0);
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ndim);
}

static int64_t rows_of(const ct_tensor *x)
{
    int64_t rows = 1;
    for (int d = 0; d < ct_ndim(x) - 1; d++)
        rows *= ct_shape(x)[d];
    return rows;
}

static ct_status linear_forward(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0), *w = ct_call_x(call, 1), *b = ct_call_x(call, 2);
    int64_t n = ct_size(w, 0), k = ct_size(w, 1);
    return ct__gemm_call(call, &(ct__gemm){
        .dtype = ct_dtype_of(x), .m = rows_of(x), .n = n, .k = k,
        .a = { ct_data(x), k, 1 }, .b = { ct_data(w), 1, k },
        .c = ct_data_mutable(ct_call_y(call, 0)), .c_row = n,
        .bias = b ? ct_data(b) : NULL, .activation = activation_of(call) });
}

/* gb = a row of ones times gZ */
static ct_status sum_rows(const ct_call *call, ct_tensor *gb, const void *gz, int64_t m)
{
    static const float one_f32 = 1;
    static const double one_f64 = 1;
    bool f32 = ct_dtype_of(gb) == CT_F32;
    int64_t n = ct_count(gb);
    return ct__gemm_call(call, &(ct__gemm){
        .dtype = ct_dtype_of(gb), .m = 1, .n = n, .k = m,
        .a = { f32 ? (const void *)&one_f32 : &one_f64, 0, 0 }, .b = { gz, n, 1 },
        .c = ct_data_mutable(gb), .c_row = n, .adds = ct_call_adds(call, 2) });
}

static ct_status linear_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_tensor *x = ct_call_x(call, 0), *w = ct_call_x(call, 1);
    int64_t m = rows_of(x), n = ct_size(w, 0), k = ct_size(w, 1);
    const void *gz = ct_data(gy[0]);
    ct_status status = CT_OK;
    if (activation_of(call) != CT_IDENTITY) {
        const ct_tensor *y = ct_call_y(call, 0);
        void *room = ct_call_scratch(call, (size_t)ct_count(y) * ct_dtype_size(ct_dtype_of(y)));
        if (!room)
            return CT_ERROR_MEMORY;
        ct__activation_back(y, activation_of(call), room, gz);
        gz = room;
    }
    if (gx[0])
        status = ct__gemm_call(call, &(ct__gemm){
            .dtype = ct_dtype_of(x), .m = m, .n = k, .k = n, .a = { gz, n, 1 },
            .b = { ct_data(w), k, 1 }, .c = ct_data_mutable(gx[0]), .c_row = k,
            .adds = ct_call_adds(call, 0) });
    if (gx[1] && status == CT_OK)
        status = ct__gemm_call(call, &(ct__gemm){
            .dtype = ct_dtype_of(x), .m = n, .n = k, .k = m, .a = { gz, 1, n },
            .b = { ct_data(x), k, 1 }, .c = ct_data_mutable(gx[1]), .c_row = k,
            .adds = ct_call_adds(call, 1) });
    if (ct_call_inputs(call) > 2 && gx[2] && status == CT_OK)
        status = sum_rows(call, gx[2], gz, m);
    return status;
}

static ct_status linear_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *w = ct_call_x(call, 1);
    int64_t m = rows_of(x), k = ct_size(w, 1), shape[CT_MAX_DIMS];
    ct_tensor *gz = ct__activation_slope(activation_of(call), gy[0], ct_call_y(call, 0));
    if (ct_call_wants(call, 0))
        gx[0] = ct_matmul(gz, w);
    if (ct_call_wants(call, 1)) {
        int ndim = ct_call_gx_shape(call, 1, shape); /* (n,k), and gz becomes (m,n) */
        shape[ndim - 1] = shape[ndim - 2], shape[ndim - 2] = m;
        gx[1] = ct_matmul(ct_transpose(ct_reshape(gz, shape, ndim)),
                          ct_reshape(x, CT_SHAPE(m, k)));
    }
    if (ct_call_wants(call, 2))
        gx[2] = ct_call_sum(call, 2, gz);
    return CT_OK;
}

/* x w^T + b; b may be NULL */
static ct_tensor *product(ct_tensor *x, ct_tensor *w, ct_tensor *b)
{
    return ct_apply(&ct__linear_op, &(ct_activation){ CT_IDENTITY }, (ct_tensor *[]){ x, w, b },
                    b ? 3 : 2);
}

/* y += x w^T */
static ct_status add_product(const ct_call *call, ct_tensor *y, ct_tensor *x, ct_tensor *w)
{
    if (!y || !x || !w)
        return CT_ERROR_MEMORY;
    const int64_t n = ct_size(w, 0), k = ct_size(w, 1);
    return ct__gemm_call(call, &(ct__gemm){
        .dtype = ct_dtype_of(x), .m = rows_of(x), .n = n, .k = k, .a = { ct_data(x), k, 1 },
        .b = { ct_data(w), 1, k }, .c = ct_data_mutable(y), .c_row = n, .adds = true });
}

/* tz = tx w^T + x tw^T + tb, where tb goes along with one of the products, and ty = f'(z) tz */
static ct_status linear_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *x = ct_call_x(call, 0), *w = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    ct_tensor *tb = ct_call_inputs(call) > 2 ? tx[2] : NULL, *tz;
    if (tx[0])
        tz = product(tx[0], w, tb);
    else if (tx[1])
        tz = product(x, tx[1], tb);
    else
        tz = ct_broadcast_to(tb, ct_shape(y), ct_ndim(y));
    ct_status status = CT_OK;
    if (tx[0] && tx[1] && ct_is_recording(ct_call_context(call)))
        tz = ct_add(tz, product(x, tx[1], NULL));
    else if (tx[0] && tx[1])
        status = add_product(call, tz, ct_contiguous(x), ct_contiguous(tx[1]));
    ty[0] = ct__activation_slope(activation_of(call), tz, y);
    return status;
}

static int sample(ct_context *cx, int k, ct_tensor **x)
{
    static const struct {
        int ndim, inputs;
        int64_t x[3];
    } cases[] = { { 2, 3, { 3, 4 } }, { 1, 3, { 4 } }, { 3, 2, { 2, 3, 4 } }, { 2, 3, { 0, 4 } } };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = ct_randn(cx, CT_F64, cases[k].x, cases[k].ndim);
    x[1] = ct_randn(cx, CT_F64, CT_SHAPE(2, 4));
    x[2] = ct_randn(cx, CT_F64, CT_SHAPE(2));
    return cases[k].inputs;
}

static int linear_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    *(ct_activation *)attributes = CT_IDENTITY;
    return sample(cx, k, x);
}

static int activation_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const ct_activation activations[] = { CT_TANH, CT_SIGMOID, CT_RELU };
    *(ct_activation *)attributes = activations[k % 3];
    return sample(cx, k / 3, x);
}

const ct_op ct__linear_op = {
    .name = "linear",
    .formula = "y = x w^T + b",
    .derivative = "gx = g w, gw = g^T x, gb = sum of the rows of g",
    .inputs = -2,
    .flags = CT_OP_CONTIGUOUS | CT_OP_BATCHED,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .attributes_size = sizeof(ct_activation),
    .infer = linear_infer,
    .forward = linear_forward,
    .vjp = linear_vjp,
    .backward = linear_backward,
    .jvp = linear_jvp,
    .sample = linear_sample,
};
const ct_op ct__linear_activation_op = {
    .name = "linear_activation",
    .formula = "y = f(x w^T + b)",
    .derivative = "gx = e w, gw = e^T x, gb = sum of the rows of e, "
                  "e = g f'(x w^T + b)",
    .inputs = -2,
    .flags = CT_OP_CONTIGUOUS | CT_OP_BATCHED,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_Y(0),
    .attributes_size = sizeof(ct_activation),
    .infer = linear_infer,
    .forward = linear_forward,
    .vjp = linear_vjp,
    .backward = linear_backward,
    .jvp = linear_jvp,
    .sample = activation_sample,
};

/* b may be NULL if there is no bias, but not if it failed: then an error is pending. */
static ct_tensor *layer(ct_tensor *x, ct_tensor *w, ct_tensor *b, ct_activation activation)
{
    ct_activation within = ct__activation_fuses(activation) ? activation : CT_IDENTITY;
    const ct_op *op = within == CT_IDENTITY ? &ct__linear_op : &ct__linear_activation_op;
    bool failed = !b && ct_usable(x, op->name) && ct_error(ct_context_of(x));
    ct_tensor *all[] = { x, w, b };
    ct_tensor *y = ct_apply(op, &within, all, b || failed ? 3 : 2);
    return y && within != activation ? ct_activate(y, activation) : y;
}

ct_tensor *ct_linear_activation(ct_tensor *x, ct_tensor *w, ct_tensor *b, ct_activation activation)
{
    ct_tensor *all[] = { x, w, b };
    for (int i = 0; i < 3; i++)
        if (all[i] && !ct_usable(all[i], "linear_activation"))
            return NULL;
    if ((x || w) && !(x && w))
        ct_fail(ct_context_of(x ? x : w), CT_ERROR_NULL, "linear_activation: the %s is NULL",
                x ? "weight" : "input");
    return layer(x, w, b, activation);
}

ct_tensor *ct_linear(ct_tensor *x, ct_tensor *w, ct_tensor *b)
{
    return layer(x, w, b, CT_IDENTITY);
}
