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
    const int64_t *of_a = ct_shape(a), *of_b = ct_shape(b);
    int a_ndim = ct_ndim(a), b_ndim = ct_ndim(b), more = a_ndim > b_ndim ? a_ndim : b_ndim;
    s->ndim = more > 2 ? more - 2 : 0;
    for (int d = 0; d < s->ndim; d++)
        s->leading[d] = 1;
    s->m = a_ndim == 1 ? 1 : of_a[a_ndim - 2];
    s->k = of_a[a_ndim - 1];
    s->k_of_b = of_b[b_ndim == 1 ? 0 : b_ndim - 2];
    s->n = b_ndim == 1 ? 1 : of_b[b_ndim - 1];
    return s->ndim == 0 || (broadcast(s, a) && broadcast(s, b));
}

/* -- C = A B, or += */
typedef struct product {
    const ct_call *call;
    shapes s;
    matrices a, b, c;
    bool adds;
} product;

/* t, of which the last axes are a matrix, or without its rows or columns where these are missing */
static void set(const product *p, matrices *a, const ct_tensor *t, bool has_rows, bool has_columns)
{
    const int64_t *shape = ct_shape(t), *strides = ct_strides(t);
    int last = ct_ndim(t);
    a->data = (void *)(uintptr_t)ct_data(t);
    a->rows = a->columns = 1;
    a->row = a->column = 0;
    if (has_columns)
        a->columns = shape[--last], a->column = strides[last];
    if (has_rows)
        a->rows = shape[--last], a->row = strides[last];
    for (int d = p->s.ndim - 1; d >= 0; d--) {
        last--;
        a->strides[d] = last < 0 || shape[last] == 1 ? 0 : strides[last];
    }
}

/* `like` is of A's, B's, Y's shape */
static void set_a(const product *p, matrices *to, const ct_tensor *like)
{
    set(p, to, like, ct_ndim(ct_call_x(p->call, 0)) > 1, true);
}

static void set_b(const product *p, matrices *to, const ct_tensor *like)
{
    set(p, to, like, true, ct_ndim(ct_call_x(p->call, 1)) > 1);
}

static void set_y(const product *p, matrices *to, const ct_tensor *like)
{
    set(p, to, like, ct_ndim(ct_call_x(p->call, 0)) > 1, ct_ndim(ct_call_x(p->call, 1)) > 1);
}

static void transpose(matrices *a)
{
    int64_t size = a->rows, stride = a->row;
    a->rows = a->columns, a->row = a->column;
    a->columns = size, a->column = stride;
}

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

static void *move(void *data, const batch *b, const matrices *x, int64_t i)
{
    int64_t at = 0;
    for (int d = b->p->s.ndim - 1; d >= 0; d--) {
        at += i % b->p->s.leading[d] * x->strides[d];
        i /= b->p->s.leading[d];
    }
    return (char *)data + at * (int64_t)ct__size_of(b->gemm.dtype);
}

static void run_range(int64_t begin, int64_t end, void *arg)
{
    const batch *b = arg;
    const product *p = b->p;
    for (int64_t i = begin; i < end; i++) {
        ct__gemm g = b->gemm;
        g.a.data = move(p->a.data, b, &p->a, i);
        g.b.data = move(p->b.data, b, &p->b, i);
        g.c = move(p->c.data, b, &p->c, i);
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

static ct_status run_batch(const product *p, const ct__gemm *one)
{
    batch b = { .p = p, .gemm = *one, .count = 1 };
    b.gemm.cx = ct_call_context(p->call);
    b.gemm.simd = ct_simd_of(b.gemm.cx);
    for (int d = 0; d < p->s.ndim; d++)
        b.count *= p->s.leading[d];
    if (b.count == 0)
        return CT_OK;
    cut(&b);
    b.room = ct__gemm_plan_for(&b.gemm);
    size_t bytes = b.room * (size_t)((b.count - 1) / b.grain + 1);
    if (bytes > 0 && !(b.scratch = ct_call_scratch(p->call, bytes)))
        return CT_ERROR_MEMORY;
    ct_parallel_ranges(ct_call_context(p->call), b.count, b.grain, run_range, &b);
    return CT_OK;
}

static ct_status multiply(product *p, ct_tensor *c)
{
    ct_dtype dtype = ct_dtype_of(c);
    if (p->s.ndim > 0)
        merge(p);
    if (sums(p) && !p->adds) {
        memset(p->c.data, 0, (size_t)ct_count(c) * ct__size_of(dtype));
        p->adds = true;
    }
    ct__gemm g = { .dtype = dtype, .m = p->a.rows, .n = p->b.columns, .k = p->a.columns,
                   .a = { p->a.data, p->a.row, p->a.column },
                   .b = { p->b.data, p->b.row, p->b.column },
                   .c = p->c.data, .c_row = p->c.row, .adds = p->adds };
    return p->s.ndim > 0 ? run_batch(p, &g) : ct__gemm_call(p->call, &g);
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
    product p;
    p.call = call;
    p.adds = false;
    shapes_of(call, &p.s);
    set_a(&p, &p.a, ct_call_x(call, 0));
    set_b(&p, &p.b, ct_call_x(call, 1));
    set_y(&p, &p.c, ct_call_y(call, 0));
    return multiply(&p, ct_call_y(call, 0));
}

static ct_status matmul_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = CT_OK;
    product p;
    p.call = call;
    if (gx[0]) {
        shapes_of(call, &p.s);
        set_y(&p, &p.a, gy[0]);
        set_b(&p, &p.b, ct_call_x(call, 1));
        transpose(&p.b);
        set_a(&p, &p.c, gx[0]);
        p.adds = ct_call_adds(call, 0);
        status = multiply(&p, gx[0]);
    }
    if (gx[1] && status == CT_OK) {
        shapes_of(call, &p.s);
        set_a(&p, &p.a, ct_call_x(call, 0));
        transpose(&p.a);
        set_y(&p, &p.b, gy[0]);
        set_b(&p, &p.c, gx[1]);
        p.adds = ct_call_adds(call, 1);
        status = multiply(&p, gx[1]);
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
    .inputs = 2,
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
    .inputs = 2,
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
