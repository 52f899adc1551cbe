/* matmul and dot: products with NumPy's rules for shapes.
 *
 * For Y = A B, dL = <gY, dA B + A dB> = <gY B^T, dA> + <A^T gY, dB>, so gA = gY B^T and
 * gB = A^T gY; an operand that was repeated along a leading axis gets the sum over it. Forward and
 * both cotangents are one thing: a product of two matrices for each index of the leading axes,
 * where a transposed matrix has its strides exchanged and a repeated one has stride 0. */
#include <cotangent/ops.h>

#include "batch.h"

/* -- Shapes: A is (m,k) and B (k,n), behind leading axes that broadcast. An operand of one
 * dimension is a row of A's or a column of B's, and that axis is missing from Y */
typedef struct shapes {
    int64_t m, k, n, k_of_b;
    int ndim;                     /* of the leading axes */
    int64_t leading[CT_MAX_DIMS];
} shapes;

/* Broadcasts the leading axes of x with those in s; false where sizes differ. */
static bool broadcast(shapes *s, const ct_tensor *x)
{
    int leading = ct_ndim(x) > 2 ? ct_ndim(x) - 2 : 0;
    return ct_broadcast_shape(s->leading, &s->ndim, ct_shape(x), leading);
}

static bool shapes_of(const ct_call *call, shapes *s)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    const int64_t *of_a = ct_shape(a), *of_b = ct_shape(b);
    int a_ndim = ct_ndim(a), b_ndim = ct_ndim(b);
    s->ndim = 0;
    s->m = a_ndim == 1 ? 1 : of_a[a_ndim - 2];
    s->k = of_a[a_ndim - 1];
    s->k_of_b = of_b[b_ndim == 1 ? 0 : b_ndim - 2];
    s->n = b_ndim == 1 ? 1 : of_b[b_ndim - 1];
    return broadcast(s, a) && broadcast(s, b);
}

/* t as matrices: its last axes are their rows and columns, unless it has none of these */
static void set(const ct__batch *p, ct__matrices *to, const ct_tensor *t, bool has_rows,
                bool has_columns)
{
    const int64_t *shape = ct_shape(t), *strides = ct_strides(t);
    int last = ct_ndim(t);
    to->data = (void *)(uintptr_t)ct_data(t);
    to->rows = to->columns = 1;
    to->row = to->column = 0;
    if (has_columns)
        to->columns = shape[--last], to->column = strides[last];
    if (has_rows)
        to->rows = shape[--last], to->row = strides[last];
    for (int d = p->ndim - 1; d >= 0; d--) {
        last--;
        to->strides[d] = last < 0 || shape[last] == 1 ? 0 : strides[last];
    }
}

/* t has the shape of A, of B, of Y: it is the operand itself or a cotangent */
static void set_a(const ct__batch *p, ct__matrices *to, const ct_tensor *t)
{
    set(p, to, t, ct_ndim(ct_call_x(p->call, 0)) > 1, true);
}

static void set_b(const ct__batch *p, ct__matrices *to, const ct_tensor *t)
{
    set(p, to, t, true, ct_ndim(ct_call_x(p->call, 1)) > 1);
}

static void set_y(const ct__batch *p, ct__matrices *to, const ct_tensor *t)
{
    set(p, to, t, ct_ndim(ct_call_x(p->call, 0)) > 1, ct_ndim(ct_call_x(p->call, 1)) > 1);
}

static void transpose(ct__matrices *a)
{
    int64_t size = a->rows, stride = a->row;
    a->rows = a->columns, a->row = a->column;
    a->columns = size, a->column = stride;
}

/* the leading axes; A, B and C are to be set */
static void begin(ct__batch *p, const ct_call *call, bool adds)
{
    shapes s;
    shapes_of(call, &s);
    p->call = call;
    p->adds = adds;
    p->ndim = s.ndim;
    for (int d = 0; d < s.ndim; d++)
        p->leading[d] = s.leading[d];
}

/* -- matmul */
static ct_status matmul_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    shapes s;
    ct_status status = ct_call_check_float(call);
    if (status != CT_OK)
        return status;
    if (ct_ndim(a) == 0 || ct_ndim(b) == 0)
        return ct_call_fail(call, CT_ERROR_SHAPE, "an operand has no dimensions; see ct_mul");
    if (!shapes_of(call, &s))
        return ct_call_fail(call, CT_ERROR_SHAPE, "leading sizes do not broadcast");
    if (s.k != s.k_of_b)
        return ct_call_fail(call, CT_ERROR_SHAPE, "inner sizes differ");
    int ndim = s.ndim;
    if (ct_ndim(a) > 1)
        s.leading[ndim++] = s.m;
    if (ct_ndim(b) > 1)
        s.leading[ndim++] = s.n;
    return ct_call_set_y(call, 0, ct_dtype_of(a), s.leading, ndim);
}

static ct_status matmul_forward(ct_call *call)
{
    ct__batch p;
    begin(&p, call, false);
    set_a(&p, &p.a, ct_call_x(call, 0));
    set_b(&p, &p.b, ct_call_x(call, 1));
    set_y(&p, &p.c, ct_call_y(call, 0));
    return ct__batch_multiply(&p, ct_call_y(call, 0));
}

static ct_status matmul_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = CT_OK;
    ct__batch p;
    if (gx[0]) {
        begin(&p, call, ct_call_adds(call, 0));
        set_y(&p, &p.a, gy[0]);
        set_b(&p, &p.b, ct_call_x(call, 1));
        transpose(&p.b);
        set_a(&p, &p.c, gx[0]);
        status = ct__batch_multiply(&p, gx[0]);
    }
    if (gx[1] && status == CT_OK) {
        begin(&p, call, ct_call_adds(call, 1));
        set_a(&p, &p.a, ct_call_x(call, 0));
        transpose(&p.a);
        set_y(&p, &p.b, gy[0]);
        set_b(&p, &p.c, gx[1]);
        status = ct__batch_multiply(&p, gx[1]);
    }
    return status;
}

static ct_status matmul_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *g = gy[0];
    ct_tensor *row = ct_ndim(a) == 1 ? ct_unsqueeze(a, 0) : a;
    ct_tensor *column = ct_ndim(b) == 1 ? ct_unsqueeze(b, 1) : b;
    if (ct_ndim(b) == 1)
        g = ct_unsqueeze(g, -1);
    if (ct_ndim(a) == 1)
        g = ct_unsqueeze(g, -2);
    if (ct_call_wants(call, 0)) {
        gx[0] = ct_matmul(g, ct_transpose(column));
        gx[0] = ct_call_sum(call, 0, ct_ndim(a) == 1 ? ct_squeeze(gx[0], -2) : gx[0]);
    }
    if (ct_call_wants(call, 1)) {
        gx[1] = ct_matmul(ct_transpose(row), g);
        gx[1] = ct_call_sum(call, 1, ct_ndim(b) == 1 ? ct_squeeze(gx[1], -1) : gx[1]);
    }
    return CT_OK;
}

/* tY = tA B + A tB. Unless it is recorded, the second product is added to the first in place. */
static ct_status matmul_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    bool both = tx[0] && tx[1], in_place = both && !ct_is_recording(ct_call_context(call));
    ty[0] = tx[0] ? ct_matmul(tx[0], b) : ct_matmul(a, tx[1]);
    if (both && !in_place)
        ty[0] = ct_add(ty[0], ct_matmul(a, tx[1]));
    if (!in_place || !ty[0])
        return CT_OK;
    ct__batch p;
    begin(&p, call, true);
    set_a(&p, &p.a, a);
    set_b(&p, &p.b, tx[1]);
    set_y(&p, &p.c, ty[0]);
    return ct__batch_multiply(&p, ty[0]);
}

static int matmul_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int a_ndim, b_ndim;
        int64_t a[4], b[4];
    } cases[] = {
        { 2, 2, { 3, 4 }, { 4, 2 } },          { 1, 1, { 4 }, { 4 } },
        { 1, 2, { 3 }, { 3, 2 } },             { 2, 1, { 2, 3 }, { 3 } },
        { 3, 2, { 2, 3, 4 }, { 4, 2 } },       { 2, 3, { 3, 2 }, { 2, 2, 4 } },
        { 4, 3, { 2, 1, 3, 2 }, { 3, 2, 2 } }, { 3, 3, { 2, 2, 3 }, { 2, 3, 1 } },
        { 3, 1, { 2, 3, 2 }, { 2 } },          { 1, 3, { 2 }, { 2, 2, 3 } },
        { 2, 2, { 2, 0 }, { 0, 3 } },          { 3, 2, { 0, 2, 3 }, { 3, 2 } },
    };
    (void)attributes;
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = ct_randn(cx, CT_F64, cases[k].a, cases[k].a_ndim);
    x[1] = ct_randn(cx, CT_F64, cases[k].b, cases[k].b_ndim);
    return 2;
}

extern const ct_op ct__matmul_op, ct__dot_op;
const ct_op ct__matmul_op = {
    .name = "matmul",
    .formula = "y_ij = sum_k a_ik b_kj",
    .derivative = "ga = g b^T, gb = a^T g",
    .inputs = 2,
    .flags = CT_OP_BATCHED,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .infer = matmul_infer,
    .forward = matmul_forward,
    .vjp = matmul_vjp,
    .backward = matmul_backward,
    .jvp = matmul_jvp,
    .sample = matmul_sample,
};

ct_tensor *ct_matmul(ct_tensor *a, ct_tensor *b)
{
    return ct_apply(&ct__matmul_op, NULL, CT_TENSORS(a, b));
}

/* -- dot: y = sum a b, so ga = gy b and gb = gy a */
static ct_status dot_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    if (ct_ndim(a) != 1 || ct_ndim(b) != 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "operands have one dimension; see ct_matmul");
    if (!ct_same_shape(a, b))
        return ct_call_fail(call, CT_ERROR_SHAPE, "sizes differ");
    return ct_infer_scalar(call);
}

static ct_status dot_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    for (int i = 0; i < 2; i++)
        if (ct_call_wants(call, i))
            gx[i] = ct_mul(ct_unsqueeze(gy[0], -1), ct_call_x(call, 1 - i));
    return CT_OK;
}

static int dot_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const int64_t sizes[] = { 5, 1, 0 };
    (void)attributes;
    if (k >= 3)
        return 0;
    x[0] = ct_randn(cx, CT_F64, &sizes[k], 1);
    x[1] = ct_randn(cx, CT_F64, &sizes[k], 1);
    return 2;
}

const ct_op ct__dot_op = {
    .name = "dot",
    .formula = "y = sum a b",
    .derivative = "ga = g b, gb = g a",
    .inputs = 2,
    .flags = CT_OP_BATCHED,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .infer = dot_infer,
    .forward = matmul_forward,
    .vjp = dot_vjp,
    .jvp = matmul_jvp,
    .sample = dot_sample,
};

ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b)
{
    return ct_apply(&ct__dot_op, NULL, CT_TENSORS(a, b));
}
