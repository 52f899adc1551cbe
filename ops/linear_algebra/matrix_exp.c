/* matrix_exp: Y = I + A + A^2 / 2 + ..., by scaling and squaring, e^A = (e^(A / 2^s))^(2^s), with
 * the inner one by the approximant of Pade of degree 13, r = (V - U)^-1 (V + U), where U is odd and
 * V even in A (Higham 2005; Al-Mohy and Higham 2009, whose choice of s this is).
 *
 * dY = L(A, dA), the integral of e^(t A) dA e^((1 - t) A) over t from 0 to 1. So
 * <gY, L(A, dA)> = <L(A^T, gY), dA>, and
 *
 *   gA = L(A^T, gY),   where e^X = [ e^B  L(B, G) ]  for X = [ B  G ]
 *                                  [ 0    e^B     ]          [ 0  B ]
 *
 * which is matrix_exp again. L is linear in G: so G is scaled first, not to be larger than B. */
#include <cotangent/ops.h>
#include <float.h>

#include "factors.h"
#include "gemm.h"
#include "matrices.h"
#include "vectors.h"

static ct_status infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0);
    ct_status status = ct__infer_square(call);
    if (status == CT_OK)
        status = ct_call_set_y(call, 0, ct_dtype_of(a), ct_shape(a), ct_ndim(a));
    return status;
}

/* -- One matrix. `product` is planned for n x n, and has its scratch first of all */
typedef struct plan {
    ct__gemm product;
    int64_t room; /* of its scratch, in doubles */
} plan;

typedef struct powers {
    const plan *plan;
    int64_t n;
    void *scratch;
    double *a, *a2, *a4, *a6, *u, *v, *t; /* (n,n) each */
    int64_t *exchanged;
} powers;

static void multiply(const powers *p, const double *a, const double *b, double *c)
{
    ct__gemm g = p->plan->product;
    g.a.data = a;
    g.b.data = b;
    g.c = c;
    ct__gemm_run(&g, p->scratch);
}

/* the largest sum of absolute values of a row */
static double norm(const double *a, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += fabs(a[i * n + j]);
        most = sum > most ? sum : most;
    }
    return most;
}

/* log2 of the norm of |A|^27; v and w have room for n doubles */
static double log2_of_power(const double *a, int64_t n, double *v, double *w)
{
    double logarithm = 0;
    for (int64_t i = 0; i < n; i++)
        v[i] = 1;
    for (int k = 0; k < 27; k++) {
        for (int64_t i = 0; i < n; i++) {
            w[i] = 0;
            for (int64_t j = 0; j < n; j++)
                w[i] += fabs(a[i * n + j]) * v[j];
        }
        double most = ct__largest(n, w);
        logarithm += log2(most);
        for (int64_t i = 0; i < n; i++)
            v[i] = most > 0 ? w[i] / most : 0;
    }
    return logarithm;
}

/* How often to halve 2^e A, where A has norm 1 at most. 4.25 bounds the norm up to which the
 * approximant is right to rounding; it need not be that of A itself, as roots of its powers' norms
 * bound the error, too. The last step adds halvings where rounding would be the larger error: the
 * first term that the approximant drops is 2^-116.4 |A|^27. */
static int halvings(const powers *p, int e)
{
    double power4 = pow(norm(p->a4, p->n), 0.25), power6 = pow(norm(p->a6, p->n), 1.0 / 6);
    double of_a = norm(p->a, p->n), size = fmin(of_a, fmax(power4, power6));
    int s = size > 0 ? e + (int)ceil(log2(size / 4.25)) : 0;
    s = s > 0 ? s : 0;
    double first = log2_of_power(p->a, p->n, p->u, p->v) - log2(of_a) + 26.0 * (e - s);
    double more = ceil((first - 116.447 + 53) / 26);
    return more > 0 ? s + (int)more : s;
}

/* to = x[0] a6 + x[1] a4 + x[2] a2 + x[3] I, of which `adds` keeps what is there */
static void combine(const powers *p, const double x[4], bool adds, double *to)
{
    int64_t n = p->n;
    for (int64_t i = 0; i < n * n; i++) {
        double sum = x[0] * p->a6[i] + x[1] * p->a4[i] + x[2] * p->a2[i];
        to[i] = adds ? to[i] + sum : sum;
    }
    for (int64_t i = 0; i < n; i++)
        to[i * n + i] += x[3];
}

/* the approximant goes to v */
static void approximate(const powers *p)
{
    static const double odd[2][4] = { { 1, 16380, 40840800, 0 },
                                      { 33522128640, 10559470521600, 1187353796428800,
                                        32382376266240000 } };
    static const double even[2][4] = { { 182, 960960, 1323241920, 0 },
                                       { 670442572800, 129060195264000, 7771770303897600,
                                         64764752532480000 } };
    int64_t n = p->n;
    combine(p, odd[0], false, p->t);
    multiply(p, p->a6, p->t, p->v);
    combine(p, odd[1], true, p->v);
    multiply(p, p->a, p->v, p->u);
    combine(p, even[0], false, p->t);
    multiply(p, p->a6, p->t, p->v);
    combine(p, even[1], true, p->v);
    for (int64_t i = 0; i < n * n; i++) {
        p->t[i] = p->v[i] - p->u[i];
        p->v[i] += p->u[i];
    }
    ct__lu(p->t, n, p->exchanged); /* which has an inverse, as A is small enough */
    ct__lu_solve(p->t, p->exchanged, n, p->v, n);
}

/* e^A, in p->v or p->t */
static const double *exponential(const powers *p)
{
    int64_t n = p->n, size = n * n;
    int e = 0;
    frexp(norm(p->a, n), &e);
    double unit = ldexp(1, -e / 2);
    ct__multiply_by(size, unit, p->a);
    ct__multiply_by(size, ldexp(1, -e - -e / 2), p->a);
    multiply(p, p->a, p->a, p->a2);
    multiply(p, p->a2, p->a2, p->a4);
    multiply(p, p->a2, p->a4, p->a6);
    int s = halvings(p, e);
    double *all[] = { p->a, p->a2, p->a4, p->a6 };
    for (int k = 0; k < 4; k++)
        for (int64_t i = 0; i < size; i++)
            all[k][i] = ldexp(all[k][i], (e - s) * (k == 0 ? 1 : 2 * k));
    approximate(p);
    double *from = p->v, *to = p->t;
    for (; s > 0; s--) {
        multiply(p, from, from, to);
        double *last = from;
        from = to;
        to = last;
    }
    return from;
}

static bool compute(const ct__job *job, int64_t i, double *scratch, ct__fault *fault)
{
    int64_t n = job->x[0].rows, size = n * n;
    powers p = { .plan = job->user, .n = n, .scratch = scratch };
    double **matrices[] = { &p.a, &p.a2, &p.a4, &p.a6, &p.u, &p.v, &p.t };
    double *next = scratch + p.plan->room;
    for (int k = 0; k < 7; k++, next += size)
        *matrices[k] = next;
    p.exchanged = (int64_t *)(void *)next;
    (void)fault;
    if (!ct__matrix_load(job, &job->x[0], i, p.a))
        return ct__matrix_store_nan(job, i);
    ct__matrix_store(job, &job->y[0], i, exponential(&p));
    return true;
}

static ct_status forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    ct__job job;
    ct__job_begin(&job, call, y, 2);
    job.x[0] = ct__stack_of(&job, ct_call_x(call, 0), 2);
    job.y[0] = ct__stack_of(&job, y, 2);
    int64_t n = job.x[0].rows;
    plan plan = { .product = { .dtype = CT_F64, .m = n, .n = n, .k = n, .a = { NULL, n, 1 },
                               .b = { NULL, n, 1 }, .c_row = n,
                               .simd = ct_simd_of(ct_call_context(call)) } };
    plan.room = (int64_t)((ct__gemm_plan_for(&plan.product) + 63) / 64) * 8;
    job.outputs = 1;
    job.user = &plan;
    job.room = plan.room + 7 * n * n + n;
    job.operations = 25 * (double)n * (double)n * (double)n;
    job.body = compute;
    return n > 0 ? ct__job_run(&job, "has no exponential") : CT_OK; /* each has one */
}

/* how large the elements of G are, times n; 1 where they are all 0 */
static ct_tensor *size_of(ct_tensor *g)
{
    if (!g)
        return NULL;
    ct_tensor *largest = ct_max_over(ct_abs(ct_detach(g)), CT_AXES(-2, -1), CT_KEEPDIMS);
    ct_tensor *none = ct_eq(largest, ct_scalar_like(g, 0));
    return ct_where(none, ct_scalar_like(g, 1), ct_scale(largest, (double)ct_size(g, -1)));
}

/* how exp a changes along e: a corner of exp [a e; 0 a] (Mathias 1996) */
static ct_tensor *along(ct_tensor *a, ct_tensor *e)
{
    if (!a || !e)
        return NULL;
    int64_t n = ct_size(a, -1);
    ct_tensor *size = size_of(e), *top = ct_concat(CT_TENSORS(a, ct_div(e, size)), -1);
    ct_tensor *bottom = ct_concat(CT_TENSORS(ct_zeros_like(a), a), -1);
    ct_tensor *y = ct_matrix_exp(ct_concat(CT_TENSORS(top, bottom), -2));
    return ct_mul(ct_slice(ct_slice(y, -2, 0, n, 1), -1, n, 2 * n, 1), size);
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0);
    gx[0] = ct_count(a) == 0 ? ct_call_zero(call, 0) : along(ct_transpose(a), gy[0]);
    return CT_OK;
}

static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ty[0] = ct_count(tx[0]) == 0 ? tx[0] : along(ct_call_x(call, 0), tx[0]);
    return CT_OK;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int ndim;
        int64_t shape[3];
        double scale;
    } cases[] = { { 2, { 2, 2 }, 0.5 }, { 2, { 2, 2 }, 4 },    { 2, { 3, 3 }, 1 },
                  { 2, { 1, 1 }, 2 },   { 3, { 2, 2, 2 }, 1 }, { 2, { 0, 0 }, 1 } };
    (void)attributes;
    if (k > (int)(sizeof cases / sizeof *cases))
        return 0;
    if (k == (int)(sizeof cases / sizeof *cases)) /* its square is 0 */
        x[0] = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(0, 7, 0, 0));
    else
        x[0] = ct_scale(ct_randn(cx, CT_F64, cases[k].shape, cases[k].ndim), cases[k].scale);
    return 1;
}

extern const ct_op ct__matrix_exp_op;
const ct_op ct__matrix_exp_op = {
    .name = "matrix_exp",
    .formula = "y = I + a + a^2 / 2 + a^3 / 6 + ...",
    .derivative = "ga = the integral of e^(t a^T) g e^((1-t) a^T) for t from 0 to 1",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .jvp = jvp,
    .sample = sample,
};

ct_tensor *ct_matrix_exp(ct_tensor *a)
{
    return ct_apply(&ct__matrix_exp_op, NULL, &a, 1);
}
