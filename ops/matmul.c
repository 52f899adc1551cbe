/* matmul and dot: products with NumPy's rules for shapes.
 *
 * For Y = A B, dL = <gY, dA B + A dB> = <gY B^T, dA> + <A^T gY, dB>, so gA = gY B^T and
 * gB = A^T gY; an operand that was repeated along a leading axis gets the sum over it. Forward and
 * both cotangents are one thing: a product of two matrices for each index of the leading axes,
 * where transposing is exchanging strides and what is repeated has stride 0. */
#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"
#include "gemm.h"

/* a tensor as a matrix for each leading index; all that take part have the same leading axes */
typedef struct matrices {
    void *data;
    int64_t rows, columns, row, column; /* sizes and strides of each */
    int64_t strides[CT_MAX_DIMS];       /* from one to the next, along the leading axes */
} matrices;

static matrices transposed(matrices a)
{
    int64_t size = a.rows, stride = a.row;
    a.rows = a.columns, a.row = a.column;
    a.columns = size, a.column = stride;
    return a;
}

/* what the call is about: A (m,k), B (k,n), leading axes */
typedef struct shapes {
    int64_t m, k, n, k_of_b;
    int ndim;
    int64_t leading[CT_MAX_DIMS];
} shapes;

/* false if the leading axes do not broadcast */
static bool broadcast(shapes *s, const ct_tensor *x)
{
    int more = ct_ndim(x) - 2;
    for (int d = 0; d < more; d++) {
        int64_t *size = &s->leading[s->ndim - more + d], own = ct_shape(x)[d];
        if (*size == 1)
            *size = own;
        else if (own != 1 && own != *size)
            return false;
    }
    return true;
}

static bool shapes_of(const ct_call *call, shapes *s)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    int more = ct_ndim(a) > ct_ndim(b) ? ct_ndim(a) : ct_ndim(b);
    s->ndim = more > 2 ? more - 2 : 0;
    for (int d = 0; d < s->ndim; d++)
        s->leading[d] = 1;
    s->m = ct_ndim(a) == 1 ? 1 : ct_size(a, -2);
    s->k = ct_size(a, -1);
    s->k_of_b = ct_size(b, ct_ndim(b) == 1 ? 0 : -2);
    s->n = ct_ndim(b) == 1 ? 1 : ct_size(b, -1);
    return broadcast(s, a) && broadcast(s, b);
}

/* t, of which the last axes are a matrix, or without its rows or columns where these are missing */
static matrices matrices_of(const shapes *s, const ct_tensor *t, bool has_rows, bool has_columns)
{
    const int64_t *shape = ct_shape(t), *strides = ct_strides(t);
    int last = ct_ndim(t);
    matrices a = { .data = (void *)(uintptr_t)ct_data(t), .rows = 1, .columns = 1 };
    if (has_columns)
        a.columns = shape[--last], a.column = strides[last];
    if (has_rows)
        a.rows = shape[--last], a.row = strides[last];
    for (int d = s->ndim - 1; d >= 0; d--) {
        last--;
        a.strides[d] = last < 0 || shape[last] == 1 ? 0 : strides[last];
    }
    return a;
}

static matrices of_a(const ct_call *call, const shapes *s, const ct_tensor *like)
{
    return matrices_of(s, like, ct_ndim(ct_call_x(call, 0)) > 1, true);
}

static matrices of_b(const ct_call *call, const shapes *s, const ct_tensor *like)
{
    return matrices_of(s, like, true, ct_ndim(ct_call_x(call, 1)) > 1);
}

static matrices of_y(const ct_call *call, const shapes *s, const ct_tensor *like)
{
    return matrices_of(s, like, ct_ndim(ct_call_x(call, 0)) > 1, ct_ndim(ct_call_x(call, 1)) > 1);
}

/* -- C = A B, or += */
typedef struct product {
    const ct_call *call;
    shapes s;
    matrices a, b, c;
    bool adds;
} product;

/* do the leading axes continue an axis of that size and stride? */
static bool continues(const product *p, const matrices *x, int64_t size, int64_t stride)
{
    int64_t next = size * stride;
    for (int d = p->s.ndim - 1; d >= 0; d--) {
        if (p->s.leading[d] != 1 && x->strides[d] != next)
            return false;
        next *= p->s.leading[d];
    }
    return true;
}

static bool repeats(const product *p, const matrices *x)
{
    for (int d = 0; d < p->s.ndim; d++)
        if (p->s.leading[d] != 1 && x->strides[d] != 0)
            return false;
    return true;
}

/* is C the sum of several products? */
static bool sums(const product *p)
{
    for (int d = 0; d < p->s.ndim; d++)
        if (p->s.leading[d] != 1 && p->c.strides[d] == 0)
            return true;
    return false;
}

/* many products are one, where B is the same for all and their rows follow each other; or where
 * they are summed, and their columns and rows do */
static void merge(product *p)
{
    int64_t count = 1;
    for (int d = 0; d < p->s.ndim; d++)
        count *= p->s.leading[d];
    if (!sums(p) && repeats(p, &p->b) && continues(p, &p->a, p->a.rows, p->a.row) &&
        continues(p, &p->c, p->c.rows, p->c.row)) {
        p->a.rows *= count;
        p->c.rows *= count;
        p->s.ndim = 0;
    } else if (repeats(p, &p->c) && continues(p, &p->a, p->a.columns, p->a.column) &&
               continues(p, &p->b, p->b.rows, p->b.row)) {
        p->a.columns *= count;
        p->b.rows *= count;
        p->s.ndim = 0;
    }
}

/* products that are computed side by side, a range of them with one scratch */
typedef struct batch {
    const product *p;
    ct__gemm gemm;
    char *scratch;
    size_t room;
    int64_t count, grain;
} batch;

static const void *move(const void *data, const batch *b, const matrices *x, int64_t i)
{
    int64_t at = 0;
    for (int d = b->p->s.ndim - 1; d >= 0; d--) {
        at += i % b->p->s.leading[d] * x->strides[d];
        i /= b->p->s.leading[d];
    }
    return (const char *)data + at * (int64_t)ct__size_of(b->gemm.dtype);
}

static void run_range(int64_t begin, int64_t end, void *arg)
{
    const batch *b = arg;
    const product *p = b->p;
    for (int64_t i = begin; i < end; i++) {
        ct__gemm g = b->gemm;
        g.a.data = move(g.a.data, b, &p->a, i);
        g.b.data = move(g.b.data, b, &p->b, i);
        g.c = (void *)(uintptr_t)move(g.c, b, &p->c, i);
        ct__gemm_run(&g, b->scratch ? b->scratch + (size_t)(begin / b->grain) * b->room : NULL);
    }
}

/* ranges for the threads, by sizes alone: of 1e6 operations or more, and of one product where that
 * is cut into parts itself or where products are summed */
static void cut(batch *b)
{
    const ct__gemm *g = &b->gemm;
    double operations = 2.0 * (double)g->m * (double)g->n * (double)g->k + 1;
    b->grain = b->count;
    if (sums(b->p) || operations > 16e6 || b->count < 2)
        return;
    b->gemm.cx = NULL;
    if (operations * (double)b->count > 2e6) {
        double least = 1e6 / operations;
        b->grain = (b->count + 15) / 16;
        if ((double)b->grain < least)
            b->grain = (int64_t)least;
    }
}

static ct_status multiply(product *p, ct_tensor *c)
{
    ct_context *cx = ct_call_context(p->call);
    ct_dtype dtype = ct_dtype_of(c);
    merge(p);
    if (sums(p) && !p->adds) {
        memset(p->c.data, 0, (size_t)ct_count(c) * ct__size_of(dtype));
        p->adds = true;
    }
    batch b = { .p = p, .count = 1,
                .gemm = { .dtype = dtype, .m = p->a.rows, .n = p->b.columns, .k = p->a.columns,
                          .a = { p->a.data, p->a.row, p->a.column },
                          .b = { p->b.data, p->b.row, p->b.column }, .c = p->c.data,
                          .c_row = p->c.row, .adds = p->adds, .simd = ct_simd_of(cx), .cx = cx } };
    for (int d = 0; d < p->s.ndim; d++)
        b.count *= p->s.leading[d];
    if (b.count == 0)
        return CT_OK;
    cut(&b);
    b.room = ct__gemm_scratch(&b.gemm);
    size_t bytes = b.room * (size_t)((b.count - 1) / b.grain + 1);
    if (bytes > 0 && !(b.scratch = ct_call_scratch(p->call, bytes)))
        return CT_ERROR_MEMORY;
    ct_parallel_ranges(cx, b.count, b.grain, run_range, &b);
    return CT_OK;
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
    product p = { .call = call };
    shapes_of(call, &p.s);
    p.a = of_a(call, &p.s, ct_call_x(call, 0));
    p.b = of_b(call, &p.s, ct_call_x(call, 1));
    p.c = of_y(call, &p.s, ct_call_y(call, 0));
    return multiply(&p, ct_call_y(call, 0));
}

static ct_status matmul_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = CT_OK;
    product p = { .call = call }, q = p;
    shapes_of(call, &p.s);
    q.s = p.s;
    matrices g = of_y(call, &p.s, gy[0]);
    if (gx[0]) {
        p.a = g;
        p.b = transposed(of_b(call, &p.s, ct_call_x(call, 1)));
        p.c = of_a(call, &p.s, gx[0]);
        p.adds = ct_call_adds(call, 0);
        status = multiply(&p, gx[0]);
    }
    if (gx[1] && status == CT_OK) {
        q.a = transposed(of_a(call, &q.s, ct_call_x(call, 0)));
        q.b = g;
        q.c = of_b(call, &q.s, gx[1]);
        q.adds = ct_call_adds(call, 1);
        status = multiply(&q, gx[1]);
    }
    return status;
}

static ct_status matmul_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *g = gy[0];
    const ct_tensor *x[] = { a, b };
    ct_tensor *row = ct_ndim(a) == 1 ? ct_unsqueeze(a, 0) : a;
    ct_tensor *column = ct_ndim(b) == 1 ? ct_unsqueeze(b, 1) : b;
    if (ct_ndim(b) == 1)
        g = ct_unsqueeze(g, -1);
    if (ct_ndim(a) == 1)
        g = ct_unsqueeze(g, -2);
    if (ct_call_wants(call, 0))
        gx[0] = ct_sum_to(ct_matmul(g, ct_transpose(column)), ct_shape(row), ct_ndim(row));
    if (ct_call_wants(call, 1))
        gx[1] = ct_sum_to(ct_matmul(ct_transpose(row), g), ct_shape(column), ct_ndim(column));
    for (int i = 0; i < 2; i++)
        if (ct_ndim(x[i]) == 1)
            gx[i] = ct_reshape(gx[i], ct_shape(x[i]), 1);
    return CT_OK;
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
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .infer = matmul_infer,
    .forward = matmul_forward,
    .vjp = matmul_vjp,
    .backward = matmul_backward,
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
            gx[i] = ct_mul(gy[0], ct_call_x(call, 1 - i));
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
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .infer = dot_infer,
    .forward = matmul_forward,
    .vjp = dot_vjp,
    .sample = dot_sample,
};

ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b)
{
    return ct_apply(&ct__dot_op, NULL, CT_TENSORS(a, b));
}
