/* Rows of a Jacobian in batches: several cotangents in one walk (CT_OP_BATCHED) do what each of them
 * does alone, for every operator that says so; where one does not say so, rows go one by one. */
#include <cotangent/op.h>

#include "support.h"

enum { INPUTS = 8, ROWS = 5, TEXT = 300 };

/* -- A probe: y = x, which counts how often its rule runs */
static int runs, widest; /* the largest batch */

static ct_status probe_forward(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_call_x(call, 0));
}

static ct_status probe_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_call_gx_shape(call, 0, shape);
    bool batch = ndim > ct_ndim(ct_call_x(call, 0));
    runs++;
    widest = batch && shape[0] > widest ? (int)shape[0] : widest;
    gx[0] = gy[0];
    return CT_OK;
}

static const ct_op probe_op = { .name = "probe", .inputs = 1, .flags = CT_OP_BATCHED,
                                .infer = ct_infer_same, .forward = probe_forward,
                                .vjp = probe_vjp };
static const ct_op lone_op = { .name = "lone", .inputs = 1, .infer = ct_infer_same,
                               .forward = probe_forward, .vjp = probe_vjp };

static ct_tensor *probe(ct_tensor *x)
{
    return ct_apply(&probe_op, NULL, &x, 1);
}

/* -- An operator at a sample, as a function of one of its inputs */
typedef struct sampled {
    const ct_op *op;
    char *attributes;
    int n, input;
    ct_tensor *x[INPUTS];
    ct_tensor *mix; /* NULL: the value is y; else it is the product with all of y's elements */
} sampled;

static bool is_float(const ct_tensor *x)
{
    return x && (ct_dtype_of(x) == CT_F64 || ct_dtype_of(x) == CT_F32);
}

static ct_tensor *at_sample(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const sampled *s = user;
    ct_tensor *all[INPUTS];
    (void)n;
    memcpy(all, s->x, sizeof all);
    all[s->input] = x[0];
    ct_seed(c, 7); /* the same draws each time */
    ct_tensor *y = probe(ct_apply(s->op, s->attributes, all, s->n));
    return !s->mix || !y ? y : ct_matmul(s->mix, ct_reshape(y, CT_SHAPE(ct_count(y))));
}

/* sum of (M y)^2 */
static ct_tensor *squares(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    return ct_sum(ct_square(at_sample(c, x, n, user)));
}

/* row by row, from one graph */
static ct_tensor *jacobian_alone(ct_function f, void *user, ct_tensor *x)
{
    ct_tensor *y = f(cx, &x, 1, user), *rows[64];
    int64_t shape[2 * CT_MAX_DIMS], n = ct_count(y);
    ck_assert_int_le(n, 64);
    for (int64_t k = 0; k < n; k++) {
        double *unit = calloc((size_t)n, sizeof *unit);
        unit[k] = 1;
        ct_tensor *e = ct_cast(ct_from_doubles(cx, CT_F64, ct_shape(y), ct_ndim(y), unit, n),
                               ct_dtype_of(y));
        free(unit);
        if (ct_grad(y, e, &x, 1, CT_ZERO_PATH, &rows[k]) != CT_OK)
            return NULL;
    }
    memcpy(shape, ct_shape(y), (size_t)ct_ndim(y) * sizeof *shape);
    memcpy(shape + ct_ndim(y), ct_shape(x), (size_t)ct_ndim(x) * sizeof *shape);
    return ct_reshape(ct_stack(rows, (int)n, 0), shape, ct_ndim(y) + ct_ndim(x));
}

static double largest(const ct_tensor *t)
{
    double most = 0, *values = calloc((size_t)ct_count(t) + 1, sizeof *values);
    ct_to_doubles(t, values, ct_count(t));
    for (int64_t i = 0; i < ct_count(t); i++)
        most = fmax(most, fabs(values[i]));
    free(values);
    return most;
}

/* false, and an error in words: a and b differ by more than rounding */
static bool is_same(const sampled *s, const ct_tensor *a, const ct_tensor *b, double units,
                    char text[TEXT])
{
    const double unit = is_float(s->x[s->input]) && ct_dtype_of(s->x[s->input]) == CT_F32
                            ? 0x1p-23 : 0x1p-52;
    const char *why = ct_error_text(cx);
    double apart = a && b ? ct_max_difference(a, b) : INFINITY;
    if (a && b && apart <= units * unit * largest(b))
        return true;
    snprintf(text, TEXT, "%s, input %d: %g apart; %s", s->op->name, s->input, apart, why);
    ct_error_clear(cx);
    return false;
}

static ct_tensor *hessian_alone(void *user, ct_tensor *x)
{
    ct_tensor *rows[64];
    for (int64_t k = 0; k < ct_count(x); k++) {
        double unit[64] = { 0 };
        unit[k] = 1;
        ct_tensor *e = ct_cast(ct_from_doubles(cx, CT_F64, ct_shape(x), ct_ndim(x), unit,
                                               ct_count(x)), ct_dtype_of(x));
        if (ct_hvp(cx, squares, user, &x, &e, 1, NULL, &rows[k]) != CT_OK)
            return NULL;
    }
    return ct_stack(rows, (int)ct_count(x), 0);
}

/* the Jacobian by input `s->input`, of y and of products with y, and the Hessian of their squares */
static bool check_input(sampled *s, char text[TEXT])
{
    ct_tensor *x = ct_detach(s->x[s->input]);
    s->mix = NULL;
    ct_tensor *variable = ct_variable(ct_detach(x)), *y = at_sample(cx, &x, 1, s);
    if (!y || ct_dtype_of(y) != ct_dtype_of(x))
        return true; /* there is no Jacobian */
    runs = widest = 0;
    if (ct_ndim(y) + ct_ndim(x) <= CT_MAX_DIMS && ct_count(y) > 4) {
        ct_tensor *j = ct_jacobian_by(cx, at_sample, s, x, CT_BY_ROWS);
        if (!is_same(s, j, jacobian_alone(at_sample, s, variable), 16, text))
            return false;
    }
    s->mix = ct_randn(cx, ct_dtype_of(y), CT_SHAPE(ROWS, ct_count(y)));
    widest = 0;
    ct_tensor *j = ct_jacobian_by(cx, at_sample, s, x, CT_BY_ROWS);
    bool in_one = widest == ROWS;
    if (!is_same(s, j, jacobian_alone(at_sample, s, variable), 64, text))
        return false;
    if (!in_one) {
        snprintf(text, TEXT, "%s, input %d: not in a batch", s->op->name, s->input);
        return false;
    }
    if (ct_count(x) == 0 || ct_dtype_of(x) == CT_F32)
        return true;
    ct_tensor *h = ct_hessian(cx, squares, s, x), *alone = hessian_alone(s, x);
    return is_same(s, h ? ct_reshape(h, CT_SHAPE(-1)) : NULL,
                   alone ? ct_reshape(alone, CT_SHAPE(-1)) : NULL, 1e5, text);
}

static void narrow(sampled *s)
{
    for (int i = 0; i < s->n; i++)
        if (is_float(s->x[i]))
            s->x[i] = ct_cast(s->x[i], CT_F32);
}

/* false: the operator is wrong in batches, and `text` says how. *checked counts inputs */
static bool check_operator(const ct_op *op, int *checked, char text[TEXT])
{
    static _Alignas(16) char attributes[4096];
    bool good = true, more = true;
    ck_assert_uint_le(op->attributes_size, sizeof attributes);
    for (int k = 0; more && good; k++) {
        ct_scope scope = ct_scope_begin(cx);
        sampled s = { .op = op, .attributes = attributes };
        s.n = op->sample ? op->sample(cx, k, s.x, attributes) : 0;
        more = s.n > 0;
        for (int f32 = 0; f32 < 2 && good; f32++) {
            if (f32)
                narrow(&s);
            for (s.input = 0; s.input < s.n && good; s.input++)
                if (is_float(s.x[s.input]) && ct_count(s.x[s.input]) <= 64)
                    good = check_input(&s, text), ++*checked;
        }
        ct_scope_end(cx, scope);
    }
    return good;
}

START_TEST(every_operator_that_says_so)
{
    int n, checked = 0, operators = 0;
    char text[TEXT] = "";
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++) {
        if (!(list[i]->flags & CT_OP_BATCHED) || list[i]->flags & CT_OP_CONSTANT)
            continue;
        ck_assert_msg(check_operator(list[i], &checked, text), "%s", text);
        operators++;
    }
    expect_ok();
    ck_assert_int_gt(operators, 80);
    ck_assert_int_gt(checked, 500);
}
END_TEST

/* -- Operators that say so wrongly: y = x turned upside down */
static ct_status turn_forward(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_flip(ct_call_x(call, 0), CT_AXES(0)));
}

static int turn_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(3, 4));
    return k < 1;
}

static ct_status turn_rows(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = ct_flip(gy[0], CT_AXES(0));
    return CT_OK;
}

static ct_status turn_right(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = ct_flip(gy[0], CT_AXES(-2));
    return CT_OK;
}

static ct_status turn_in_shape(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    gx[0] = ct_sum_to(ct_flip(gy[0], CT_AXES(-2)), ct_shape(x), ct_ndim(x));
    return CT_OK;
}

static ct_status turn_and_mix(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *turned = ct_flip(gy[0], CT_AXES(-2));
    gx[0] = ct_ndim(gy[0]) > ct_ndim(ct_call_y(call, 0)) ? ct_roll(turned, 1, 0) : turned;
    return CT_OK;
}

START_TEST(an_operator_that_says_so_wrongly)
{
    int checked = 0;
    char text[TEXT] = "";
    ct_op turn = { .name = "turn", .flags = CT_OP_BATCHED, .inputs = 1, .infer = ct_infer_same,
                   .forward = turn_forward, .vjp = turn_right, .sample = turn_sample };
    ck_assert_msg(check_operator(&turn, &checked, text), "%s", text);
    turn.vjp = turn_rows;
    ck_assert(!check_operator(&turn, &checked, text));
    turn.vjp = turn_and_mix;
    ck_assert(!check_operator(&turn, &checked, text));
    turn.vjp = turn_in_shape;
    ck_assert(!check_operator(&turn, &checked, text));
    ck_assert_msg(strstr(text, "its rule gave a cotangent f64 (3,4) for input 0"), "%s", text);
    turn.vjp = turn_right;
    turn.flags = 0;
    ck_assert(!check_operator(&turn, &checked, text));
    ck_assert_msg(strstr(text, "not in a batch"), "%s", text);
    expect_ok();
}
END_TEST

/* -- What goes in a batch, and what does not */
typedef struct shaped {
    const ct_op *op;
    int64_t n;
    bool hooked;
} shaped;

static int hooked;
static ct_tensor *count_hook(ct_tensor *gy, void *user)
{
    (void)user;
    hooked++;
    return gy;
}

static ct_tensor *steps(ct_context *c, int64_t n)
{
    double squares_of[200];
    for (int64_t k = 0; k < n; k++)
        squares_of[k] = (double)(k * k);
    return ct_from_doubles(c, CT_F64, CT_SHAPE(n), squares_of, n);
}

/* x0 k^2 for k of 0 to n - 1, through the operator */
static ct_tensor *through(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const shaped *s = user;
    (void)n;
    ct_tensor *y = ct_apply(s->op, NULL, x, 1);
    if (s->hooked)
        ct_on_cotangent(y, count_hook, NULL);
    return ct_mul(y, steps(c, s->n));
}

static void expect_runs(const shaped *s, ct_direction direction, int wanted, int batch)
{
    double want[200];
    ct_tensor *x = ct_scalar(cx, CT_F64, 2);
    for (int k = 0; k < s->n; k++)
        want[k] = (double)k * k;
    runs = widest = 0;
    ct_tensor *j = ct_jacobian_by(cx, through, (void *)(uintptr_t)s, x, direction);
    expect_shape(j, CT_SHAPE(s->n));
    expect_values(j, want, (int)s->n, 0);
    ck_assert_int_eq(runs, wanted);
    ck_assert_int_eq(widest, batch);
}

START_TEST(batches_and_single_rows)
{
    expect_runs(&(shaped){ &probe_op, 200, false }, CT_BY_ROWS, 4, 64);
    expect_runs(&(shaped){ &probe_op, 5, false }, CT_BY_ROWS, 1, 5);
    expect_runs(&(shaped){ &probe_op, 4, false }, CT_BY_ROWS, 4, 0);
    expect_runs(&(shaped){ &probe_op, 0, false }, CT_BY_ROWS, 0, 0);
    expect_runs(&(shaped){ &lone_op, 9, false }, CT_BY_ROWS, 9, 0);
    expect_runs(&(shaped){ &probe_op, 9, true }, CT_BY_ROWS, 9, 0);
    ck_assert_int_eq(hooked, 9);
    ct_find_nonfinite(cx, true);
    expect_runs(&(shaped){ &probe_op, 200, false }, CT_BY_ROWS, 200, 0);
    expect_ok();
}
END_TEST

/* M tanh x, of n rows */
static ct_tensor *product(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_matmul(user, ct_tanh(probe(x[0])));
}

/* Rows in batches are cheaper than columns: up to four for one column they are chosen. */
START_TEST(sizes_choose_rows_or_columns)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(6));
    static const struct { int64_t rows; int runs; } cases[] = {
        { 5, 1 }, { 12, 6 }, { 24, 1 }, { 25, 6 } };
    for (int k = 0; k < 4; k++) {
        ct_tensor *m = ct_randn(cx, CT_F64, CT_SHAPE(cases[k].rows, 6));
        runs = 0;
        ct_tensor *j = ct_jacobian(cx, product, m, x);
        ck_assert_int_eq(runs, cases[k].runs);
        expect_close(j, ct_jacobian_by(cx, product, m, x, CT_BY_COLUMNS), 16);
    }
    expect_ok();
}
END_TEST

/* x summed over n times as many elements, in rows of 5 */
static ct_tensor *wide(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    ct_tensor *all = ct_mul(probe(x[0]), ct_ones(c, CT_F64, CT_SHAPE(*(int64_t *)user, 5)));
    return ct_sum_over(all, CT_AXES(0), 0);
}

START_TEST(large_tensors_make_small_batches)
{
    static const struct { int64_t n; int runs, widest; } cases[] = {
        { 13107, 2, 4 }, { 17476, 2, 3 }, { 26214, 3, 2 }, { 26215, 5, 0 } };
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(5)), *eye = ct_eye(cx, CT_F64, 5);
    for (int k = 0; k < 4; k++) {
        int64_t n = cases[k].n;
        runs = widest = 0;
        ct_tensor *j = ct_jacobian_by(cx, wide, &n, x, CT_BY_ROWS);
        expect_close(j, ct_scale(eye, (double)n), 0);
        ck_assert_int_eq(runs, cases[k].runs);
        ck_assert_int_eq(widest, cases[k].widest);
    }
}
END_TEST

static ct_tensor *identity(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return user ? ct_concat(CT_TENSORS(x[0], user), 0) : x[0];
}

static ct_tensor *deep(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_reshape(ct_square(probe(x[0])), CT_SHAPE(-1));
}

START_TEST(odd_shapes)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(5)), *none = ct_zeros(cx, CT_F64, CT_SHAPE(0));
    ct_tensor *eye = ct_eye(cx, CT_F64, 5), *zeros = ct_zeros(cx, CT_F64, CT_SHAPE(2, 5));
    expect_close(ct_jacobian(cx, identity, NULL, x), eye, 0);
    expect_close(ct_jacobian_by(cx, identity, ct_ones(cx, CT_F64, CT_SHAPE(2)), x, CT_BY_ROWS),
                 ct_concat(CT_TENSORS(eye, zeros), 0), 0);
    expect_shape(ct_jacobian_by(cx, identity, x, none, CT_BY_ROWS), CT_SHAPE(5, 0));
    expect_shape(ct_jacobian_by(cx, identity, NULL, none, CT_BY_ROWS), CT_SHAPE(0, 0));
    for (int ndim = 6; ndim < 8; ndim++) { /* a rule needs an axis more for its own work */
        runs = widest = 0;
        x = ct_randn(cx, CT_F64, (const int64_t[]){ 1, 1, 5, 1, 1, 1, 1 }, ndim);
        ct_tensor *j = ct_jacobian_by(cx, deep, NULL, x, CT_BY_ROWS);
        ct_tensor *slope = ct_scale(ct_reshape(x, CT_SHAPE(5)), 2);
        expect_close(ct_reshape(j, CT_SHAPE(5, 5)), ct_diag(slope, 0), 0);
        ck_assert_int_eq(widest, ndim == 6 ? 5 : 0);
        ck_assert_int_eq(runs, ndim == 6 ? 1 : 5);
    }
    expect_ok();
}
END_TEST

/* -- Failures */
static ct_tensor *roots(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_sqrt(probe(x[0]));
}

static ct_status failing_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)gy, (void)gx;
    return ct_call_fail(call, CT_ERROR_VALUE, "out of luck");
}

START_TEST(failures)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(6));
    ct_op bad = probe_op;
    bad.vjp = failing_vjp;
    bad.name = "bad";
    ck_assert_ptr_null(ct_jacobian(cx, through, &(shaped){ &bad, 9, false },
                                   ct_scalar(cx, CT_F64, 1)));
    expect_error(CT_ERROR_VALUE, "bad: out of luck", NULL);
    ct_find_nonfinite(cx, true);
    ck_assert_ptr_null(ct_jacobian(cx, roots, NULL, x));
    expect_error(CT_ERROR_VALUE, "sqrt, backward: made a NaN or an infinity", NULL);
    ct_memory memory;
    ct_memory_stats(cx, &memory);
    ck_assert_int_eq(memory.scopes, 0);
}
END_TEST

static ct_tensor *network(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_tensor *m = ct_ones(c, CT_F64, CT_SHAPE(3, 3)), *b = ct_ones(c, CT_F64, CT_SHAPE(2, 1, 3));
    ct_tensor *h = ct_linear_activation(x[0], m, x[0], CT_TANH);
    h = ct_add(ct_softmax(ct_matmul(h, m), 0), ct_slice(b, 0, 0, 1, 1));
    return ct_concat(CT_TENSORS(ct_reshape(h, CT_SHAPE(3)), ct_sum_over(h, CT_AXES(0, 1), 0)), 0);
}

static ct_tensor *network_squared(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    return ct_sum(ct_square(network(c, x, n, user)));
}

static void matrices(ct_context *c)
{
    ct_tensor *x = ct_from_doubles(c, CT_F64, CT_SHAPE(3), CT_DOUBLES(0.1, 0.2, -0.3));
    ct_jacobian_by(c, network, NULL, x, CT_BY_ROWS);
    ct_hessian(c, network_squared, NULL, x);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(matrices);
}
END_TEST

Suite *batches_suite(void);
Suite *batches_suite(void)
{
    return make_suite("autograd/batches", (const TTest *[]){
        every_operator_that_says_so, an_operator_that_says_so_wrongly, batches_and_single_rows,
        sizes_choose_rows_or_columns, large_tensors_make_small_batches, odd_shapes, failures,
        every_allocation_fails_once, NULL });
}
