/* solve_triangular: T Y = B, where T is a triangle of A or its transpose.
 *
 * From dT Y + T dY = dB follows dY = T^-1 (dB - dT Y), so
 *
 *   <gY, dY> = <T^-T gY, dB> - <T^-T gY Y^T, dT>:  gB = T^-T gY,  gT = -gB Y^T
 *
 * gB is a triangular system again. Y T = B is T^T Y^T = B^T: gB = gY T^-T, gT = -Y^T gB. gA is the
 * triangle of gT, or of gT^T if T is transposed; without the diagonal if that is taken as ones. */
#include <cotangent/ops.h>
#include <math.h>

#include "factors.h"
#include "systems.h"

static unsigned flags_of(const ct_call *call)
{
    const unsigned *flags = ct_call_attributes(call);
    return *flags;
}

static ct_status infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    unsigned flags = flags_of(call), all = CT_UPPER | CT_TRANSPOSED | CT_UNIT_DIAGONAL | CT_RIGHT;
    ct_status status = ct__infer_square(call);
    if (status != CT_OK)
        return status;
    if (flags & ~all)
        return ct_call_fail(call, CT_ERROR_VALUE, "flags %#x mean nothing here", flags);
    if (ct_ndim(b) < 2 || ct_size(b, flags & CT_RIGHT ? -1 : -2) != ct_size(a, -1))
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes a (...,n,n) and b %s",
                            flags & CT_RIGHT ? "(...,k,n)" : "(...,n,k)");
    return ct__infer_system(call, ct_size(b, -2), ct_size(b, -1));
}

/* outside of the triangle a may hold anything; false: an element inside is not finite */
static bool load_triangle(const ct__job *job, int64_t i, double *a)
{
    bool upper = job->flags & CT_UPPER, unit = job->flags & CT_UNIT_DIAGONAL, finite = true;
    int64_t n = job->x[0].rows;
    if (ct__matrix_load(job, &job->x[0], i, a))
        return true;
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = upper ? r + unit : 0; c < (upper ? n : r + !unit); c++)
            finite &= isfinite(a[r * n + c]) != 0;
    return finite;
}

static bool solve(const ct__job *job, int64_t i, double *a, ct__fault *fault)
{
    const ct__stack *b = &job->x[1];
    int64_t n = job->x[0].rows, k = job->flags & CT_RIGHT ? b->rows : b->columns;
    double *x = a + n * n;
    if (!load_triangle(job, i, a))
        return ct__matrix_store_nan(job, i);
    for (int64_t r = 0; r < n && !(job->flags & CT_UNIT_DIAGONAL); r++)
        if (a[r * n + r] == 0) {
            *fault = (ct__fault){ r, 0 };
            return false;
        }
    if (job->flags & CT_RIGHT) {
        ct__matrix_load_transposed(job, b, i, x);
        ct__solve_triangle(a, n, job->flags ^ CT_TRANSPOSED, x, k);
        ct__matrix_store_transposed(job, &job->y[0], i, x);
    } else {
        ct__matrix_load(job, b, i, x);
        ct__solve_triangle(a, n, job->flags, x, k);
        ct__matrix_store(job, &job->y[0], i, x);
    }
    return true;
}

static ct_status forward(ct_call *call)
{
    ct__job job;
    ct__system_begin(&job, call);
    int64_t n = job.x[0].rows, elements = job.x[1].rows * job.x[1].columns;
    job.flags = flags_of(call);
    job.room = n * n + elements;
    job.operations = (double)n * (double)elements;
    job.body = solve;
    return ct__job_run(&job, "is singular");
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    unsigned flags = flags_of(call);
    bool transposed = flags & CT_TRANSPOSED, right = flags & CT_RIGHT;
    bool upper = flags & CT_UPPER, unit = flags & CT_UNIT_DIAGONAL;
    ct_tensor *y = ct_call_y(call, 0);
    ct_tensor *gb = ct_solve_triangular(ct_call_x(call, 0), gy[0], flags ^ CT_TRANSPOSED);
    if (ct_call_wants(call, 0)) {
        ct_tensor *first = transposed ? y : gb, *second = transposed ? gb : y;
        ct_tensor *ga = right ? ct_matmul(ct_transpose(second), first)
                              : ct_matmul(first, ct_transpose(second));
        ga = ct__weigh(ga, upper ? 0 : -1, unit ? 0 : -1, upper ? -1 : 0);
        gx[0] = ct__system_sum_to(ga, ct_call_x(call, 0));
    }
    if (ct_call_wants(call, 1))
        gx[1] = ct__system_sum_to(gb, ct_call_x(call, 1));
    return CT_OK;
}

/* T^-1 (tb - tT Y), where tT is the tangent within the triangle, and transposed as T is */
static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    unsigned flags = flags_of(call);
    bool upper = flags & CT_UPPER, unit = flags & CT_UNIT_DIAGONAL;
    ct_tensor *y = ct_call_y(call, 0), *of_a = NULL;
    if (tx[0]) {
        ct_tensor *t = ct__weigh(tx[0], upper ? 0 : -1, unit ? 0 : -1, upper ? -1 : 0);
        t = flags & CT_TRANSPOSED ? ct_transpose(t) : t;
        of_a = flags & CT_RIGHT ? ct_matmul(y, t) : ct_matmul(t, y);
    }
    ct_tensor *right = tx[0] && tx[1] ? ct_add(of_a, tx[1]) : tx[0] ? of_a : tx[1];
    ty[0] = ct_solve_triangular(ct_call_x(call, 0), right, flags);
    return CT_OK;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int a_ndim, b_ndim;
        int64_t a[4], b[4];
        unsigned flags;
    } cases[] = {
        { 2, 2, { 3, 3 }, { 3, 2 }, 0 },
        { 2, 2, { 3, 3 }, { 3, 1 }, CT_UPPER },
        { 2, 2, { 3, 3 }, { 3, 2 }, CT_TRANSPOSED },
        { 2, 2, { 3, 3 }, { 3, 1 }, CT_UPPER | CT_TRANSPOSED },
        { 3, 3, { 2, 3, 3 }, { 2, 3, 1 }, CT_UNIT_DIAGONAL },
        { 2, 2, { 3, 3 }, { 2, 3 }, CT_RIGHT },
        { 2, 2, { 3, 3 }, { 2, 3 }, CT_RIGHT | CT_UPPER },
        { 2, 2, { 3, 3 }, { 2, 3 }, CT_RIGHT | CT_TRANSPOSED | CT_UNIT_DIAGONAL },
        { 2, 2, { 3, 3 }, { 2, 3 }, CT_RIGHT | CT_TRANSPOSED | CT_UPPER },
        { 4, 3, { 2, 1, 2, 2 }, { 3, 2, 1 }, 0 },
        { 2, 3, { 2, 2 }, { 2, 2, 2 }, CT_UPPER },
        { 2, 2, { 1, 1 }, { 1, 1 }, 0 },
        { 2, 2, { 0, 0 }, { 0, 2 }, 0 },
        { 2, 2, { 2, 2 }, { 2, 0 }, CT_UPPER },
    };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    *(unsigned *)attributes = cases[k].flags;
    x[0] = ct__sample_matrices(cx, cases[k].a, cases[k].a_ndim, 4);
    x[1] = ct_randn(cx, CT_F64, cases[k].b, cases[k].b_ndim);
    return 2;
}

extern const ct_op ct__solve_triangular_op;
const ct_op ct__solve_triangular_op = {
    .name = "solve_triangular",
    .formula = "y = T^-1 b",
    .derivative = "gb = T^-T g, ga = -gb y^T within the triangle",
    .inputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0),
    .attributes_size = sizeof(unsigned),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .jvp = jvp,
    .sample = sample,
};

ct_tensor *ct_solve_triangular(ct_tensor *a, ct_tensor *b, unsigned flags)
{
    return ct__system_apply(&ct__solve_triangular_op, &flags, a, b, flags & CT_RIGHT ? 0 : -1);
}
