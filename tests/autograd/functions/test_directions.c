/* Forward and reverse mode agree: <u, J v> = <J^T u, v>, for every operator at its samples, and so
 * do the derivatives of both sides: forward over reverse, and reverse over forward. */
#include "support.h"

#include <float.h>

enum { INPUTS = 8 };

typedef struct sampled {
    const ct_op *op;
    int k, n;
    ct_tensor *x[INPUTS], *v[INPUTS]; /* the variables, and directions */
    ct_tensor *y[8];
    int outputs;
} sampled;

static bool is_float(const ct_tensor *x)
{
    return x && (ct_dtype_of(x) == CT_F64 || ct_dtype_of(x) == CT_F32);
}

static ct_tensor *random_like(const ct_tensor *x)
{
    return ct_randn(cx, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

/* applies the operator at sample k; false: there is none */
static bool apply_sample(sampled *s, const ct_op *op, int k)
{
    static _Alignas(16) char attributes[4096];
    ct_tensor *x[INPUTS];
    ck_assert_uint_le(op->attributes_size, sizeof attributes);
    int n = op->sample ? op->sample(cx, k, x, attributes) : 0;
    *s = (sampled){ .op = op, .k = k, .outputs = op->outputs > 1 ? op->outputs : 1 };
    if (n == 0)
        return false;
    for (int i = 0; i < n; i++)
        if (is_float(x[i])) {
            s->x[s->n] = ct_variable(x[i]);
            s->v[s->n++] = random_like(x[i]);
        }
    ck_assert_int_eq(ct_apply_all(op, attributes, x, n, s->y), CT_OK);
    return true;
}

/* sum of a b, and of |a b|, over all elements */
static double inner(const ct_tensor *a, const ct_tensor *b, double *size)
{
    double sum = 0;
    int64_t n = ct_count(a);
    double *pa = calloc((size_t)n + 1, sizeof *pa), *pb = calloc((size_t)n + 1, sizeof *pb);
    ck_assert_int_eq(ct_to_doubles(a, pa, n), CT_OK);
    ck_assert_int_eq(ct_to_doubles(b, pb, n), CT_OK);
    for (int64_t i = 0; i < n; i++) {
        sum += pa[i] * pb[i];
        *size += fabs(pa[i] * pb[i]);
    }
    free(pa), free(pb);
    return sum;
}

static double sum_inner(ct_tensor *const *a, ct_tensor *const *b, int n, double *size)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += inner(a[i], b[i], size);
    return sum;
}

static void expect_equal(const sampled *s, double a, double b, double size, const char *what)
{
    ck_assert_msg(fabs(a - b) <= 200 * DBL_EPSILON * size,
                  "%s, sample %d, %s: %.17g and %.17g, which add up numbers of %g", s->op->name,
                  s->k, what, a, b, size);
}

/* <u, J v> by forward mode as a graph, and <J^T u, v>, differentiated by x */
static void check_second(const sampled *s, ct_tensor *u, ct_tensor *jv, ct_tensor *const *g)
{
    ct_tensor *forward[INPUTS], *w[INPUTS], *hv[INPUTS];
    double size = 0, a = 0, b;
    if (!ct_requires_grad(jv)) /* J does not depend on x */
        return;
    ck_assert_msg(ct_grad(jv, u, s->x, s->n, CT_ZERO_PATH, forward) == CT_OK, "%s: %s", s->op->name,
                  ct_error_text(cx));
    for (int i = 0; i < s->n; i++)
        w[i] = random_like(s->x[i]);
    b = sum_inner(forward, w, s->n, &size);
    for (int i = 0; i < s->n; i++) {
        hv[i] = ct_tangent(g[i], s->x, w, s->n, 0);
        ck_assert_msg(hv[i] != NULL, "%s: %s", s->op->name, ct_error_text(cx));
        a += inner(hv[i], s->v[i], &size);
    }
    expect_equal(s, a, b, 20 * size, "the derivative of <u, Jv>");
}

static void check_output(const sampled *s, ct_tensor *y)
{
    ct_tensor *u = random_like(y), *g[INPUTS], *again[INPUTS];
    double size = 0;
    ck_assert_int_eq(ct_grad(y, u, s->x, s->n, CT_ZERO_PATH, g), CT_OK);
    ct_tensor *jv = ct_tangent(y, s->x, s->v, s->n, 0);
    ck_assert_msg(jv && !ct_requires_grad(jv), "%s: %s", s->op->name, ct_error_text(cx));
    double a = inner(u, jv, &size), b = sum_inner(g, s->v, s->n, &size);
    expect_equal(s, a, b, size, "<u, Jv> and <J'u, v>");
    ct_tensor *recorded = ct_tangent(y, s->x, s->v, s->n, CT_CREATE_GRAPH);
    ck_assert_msg(recorded != NULL, "%s: %s", s->op->name, ct_error_text(cx));
    expect_equal(s, inner(u, recorded, &size), b, size, "<u, Jv>, recorded");
    ck_assert_int_eq(ct_grad(y, u, s->x, s->n, CT_CREATE_GRAPH | CT_ZERO_PATH, again), CT_OK);
    check_second(s, u, recorded, again);
}

START_TEST(every_operator_is_the_adjoint_of_its_rule)
{
    int n, checked = 0;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        for (int k = 0; !(list[i]->flags & (CT_OP_CONSTANT | CT_OP_UPDATE)); k++) {
            sampled s;
            ct_scope scope = ct_scope_begin(cx);
            bool more = apply_sample(&s, list[i], k);
            for (int j = 0; more && j < s.outputs; j++)
                if (is_float(s.y[j]) && ct_requires_grad(s.y[j]))
                    check_output(&s, s.y[j]), checked++;
            ct_scope_end(cx, scope);
            if (!more)
                break;
        }
    expect_ok();
    ck_assert_int_gt(checked, 100);
}
END_TEST

/* -- The pass itself */
START_TEST(through_a_graph)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 0.5)), *w = ct_variable(ct_scalar_like(x, 2));
    ct_tensor *a = ct_sin(x), *y = ct_mul(ct_mul(a, a), ct_exp(ct_mul(w, x))), *t;
    double s = sin(0.5), c = cos(0.5), e = exp(1);
    t = ct_tangent(y, &x, &w, 1, 0); /* along 2 */
    ck_assert_double_eq_tol(ct_item(t), 2 * (2 * s * c * e + 2 * s * s * e), 1e-14);
    ct_tensor *both[] = { x, w }, *v[] = { w, NULL };
    ck_assert_double_eq(ct_item(ct_tangent(y, both, v, 2, 0)), ct_item(t));
    v[1] = ct_scalar_like(x, 3);
    ck_assert_double_eq_tol(ct_item(ct_tangent(y, both, v, 2, 0)),
                            ct_item(t) + 3 * s * s * e * 0.5, 1e-14);
    ct_tensor *twice[] = { x, x }, *ones[] = { ct_scalar_like(x, 1), ct_scalar_like(x, 1) };
    ck_assert_double_eq(ct_item(ct_tangent(y, twice, ones, 2, 0)), ct_item(t));
    /* a target in the middle, and one behind it: the transpose of ct_grad */
    ct_tensor *chain[] = { x, a };
    ck_assert_double_eq_tol(ct_item(ct_tangent(y, chain, ones, 2, 0)),
                            ct_item(t) / 2 + 2 * s * e, 1e-14);
    ck_assert_double_eq(ct_item(ct_tangent(x, &x, ones, 1, 0)), 1);
    ck_assert_double_eq(ct_item(ct_tangent(y, NULL, NULL, 0, 0)), 0);
    /* the third derivative of sin^2 x, by tangents of tangents: -8 sin x cos x */
    ct_tensor *d = ct_mul(a, a);
    for (int i = 0; i < 3; i++)
        d = ct_tangent(d, &x, ones, 1, CT_CREATE_GRAPH);
    ck_assert_double_eq_tol(ct_item(d), -8 * s * c, 1e-13);
    ck_assert_int_eq(ct_backward(y), CT_OK); /* the graph is as it was */
}
END_TEST

START_TEST(failures)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2))), *y = ct_square(x);
    ct_tensor *three = ct_ones(cx, CT_F64, CT_SHAPE(3)), *none = NULL;
    ck_assert_ptr_null(ct_tangent(y, &x, &three, 1, 0));
    expect_error(CT_ERROR_SHAPE, "tangent: v0", NULL);
    ck_assert_ptr_null(ct_tangent(y, &none, &three, 1, 0));
    expect_error(CT_ERROR_NULL, "tangent: x0", NULL);
    ck_assert_ptr_null(ct_tangent(y, NULL, NULL, 1, 0));
    expect_error(CT_ERROR_NULL, "tangent", NULL);
    ck_assert_ptr_null(ct_tangent(y, &x, &x, 1, CT_ZERO_PATH));
    expect_error(CT_ERROR_VALUE, "tangent: unknown flags", NULL);
    ck_assert_ptr_null(ct_tangent(NULL, &x, &x, 1, 0));
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_fill(x, 3);
    ct_scope_end(cx, scope);
    ck_assert_ptr_null(ct_tangent(y, &x, &x, 1, 0));
    expect_error(CT_ERROR_STALE, "tangent: square saved", "fill", NULL);
    ck_assert_int_eq(ct_backward_from(ct_scale(x, 2), x), CT_OK);
}
END_TEST

static void tangents(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 2)));
    ct_tensor *y = ct_sum(ct_mul(ct_softmax(ct_matmul(x, ct_sin(x)), -1), x));
    ct_tensor *t = ct_tangent(y, &x, &x, 1, CT_CREATE_GRAPH), *g;
    if (t)
        ct_grad(t, NULL, &x, 1, 0, &g);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(tangents);
}
END_TEST

Suite *directions_suite(void);
Suite *directions_suite(void)
{
    return make_suite("autograd/directions", (const TTest *[]){
        every_operator_is_the_adjoint_of_its_rule, through_a_graph, failures,
        every_allocation_fails_once, NULL });
}
