/* The gradient checker while memory fails: each allocation of a check in turn, alone and with all
 * after it. The verdict is then INVALID, or the true one; it is never PASS beside an error, and the
 * inputs are what they were. */
#include "ways.h"

static const double values[] = { 0.5, -1, 2, -0.25 };

typedef struct subject {
    ct_function f;
    ct_dtype dtype;
    bool transposed, read_only;
    ct_gradcheck_options options;
    ct_verdict truth;
} subject;

static const subject *now;

/* the time grows with the square of the number of allocations */
enum { STEP = EXHAUSTIVE ? 1 : SLOW ? 7 : 3 };

#define FUNCTION(name, expression)                                                              \
    static ct_tensor *name(ct_context *c, ct_tensor *const *x, int n, void *user)               \
    {                                                                                           \
        (void)c, (void)n, (void)user;                                                           \
        return expression;                                                                      \
    }
FUNCTION(product, ct_mul(ct_sin(x[0]), x[1]))
FUNCTION(wrong, ct_add(ct_detach(x[0]), x[1]))

/* writes into its input, and may run out of memory after it */
static ct_tensor *writes(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_scope scope = ct_scope_begin(c);
    (void)n, (void)user;
    ct_no_grad(c);
    ct_set(x[0], CT_INDEX(0, 0), 5);
    ct_scope_end(c, scope);
    return ct_square(x[0]);
}

static ct_tensor *input(ct_context *c)
{
    if (now->read_only)
        return ct_borrow_const(c, CT_F64, CT_SHAPE(2, 2), values);
    ct_tensor *x = ct_from_doubles(c, now->dtype, CT_SHAPE(2, 2), values, 4);
    return now->transposed ? ct_transpose(x) : x;
}

static void check_function(ct_context *c)
{
    double before[4], after[4];
    ct_gradcheck_report r;
    ct_tensor *x[] = { input(c), input(c) };
    if (!x[0] || !x[1] || ct_to_doubles(x[0], before, 4) != CT_OK)
        return;
    ct_verdict verdict = ct_gradcheck(c, now->f, NULL, x, 2, &now->options, &r);
    ck_assert_int_eq(verdict, r.verdict);
    ck_assert_msg(verdict == (ct_error(c) ? CT_GRADCHECK_INVALID : now->truth), "%s with %s: %s",
                  ct_verdict_text(verdict), ct_status_text(ct_error(c)), r.diagnosis);
    ck_assert(verdict == CT_GRADCHECK_PASS || r.diagnosis[0]);
    ck_assert(!ct_requires_grad(x[0]) && !ct_requires_grad(x[1]));
    if (ct_error(c) == CT_ERROR_MEMORY)
        ck_assert_msg(strstr(r.diagnosis, "memory"), "%s", r.diagnosis);
    ct_to_doubles(x[0], after, 4);
    ck_assert_mem_eq(before, after, sizeof before);
}

START_TEST(functions)
{
    static const subject subjects[] = {
        { product, CT_F64, false, false, { .order = 1 }, CT_GRADCHECK_PASS },
        { product, CT_F64, true, false, { .order = 2, .quick = true }, CT_GRADCHECK_PASS },
        { product, CT_F32, true, false, { .max_entries = 1 }, CT_GRADCHECK_PASS },
        { product, CT_F64, false, true, { .quick = true }, CT_GRADCHECK_PASS },
        { wrong, CT_F64, false, false, { .order = 1 }, CT_GRADCHECK_FAIL },
        { writes, CT_F64, false, false, { .order = 1 }, CT_GRADCHECK_INVALID },
    };
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        now = &subjects[i];
        for_some_failing_allocations(check_function, STEP);
    }
}
END_TEST

static const ct_op *operator;
static ct_verdict truth;
static int order;

static void check_operator(ct_context *c)
{
    ct_gradcheck_report r;
    const ct_gradcheck_options how = { .order = order };
    ct_verdict verdict = ct_gradcheck_op(c, operator, &how, &r);
    ck_assert_msg(verdict == (ct_error(c) ? CT_GRADCHECK_INVALID : truth), "%s with %s: %s",
                  ct_verdict_text(verdict), ct_status_text(ct_error(c)), r.diagnosis);
}

/* the first sample only, and a small one */
static int few(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    for (int i = 0; k == 0 && i < 2; i++)
        x[i] = ct_scalar(c, CT_F64, 0.5 + i);
    return k == 0 ? 2 : 0;
}

/* wrong in `backward` only, so that vjp is tried too */
static ct_status wrong_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    (void)gy;
    for (int i = 0; i < 2; i++)
        if (ct_call_wants(call, i))
            ct_fill(gx[i], 7);
    return CT_OK;
}

START_TEST(operators)
{
    ct_op op = *ct_op_find("mul");
    op.sample = few;
    operator = &op;
    order = 2;
    truth = CT_GRADCHECK_PASS;
    for_some_failing_allocations(check_operator, STEP);
    order = 1;
    op.saves = 0;
    truth = CT_GRADCHECK_FAIL;
    for_some_failing_allocations(check_operator, STEP);
    op = *ct_op_find("mul");
    op.sample = few;
    op.backward = wrong_backward;
    for_some_failing_allocations(check_operator, STEP);
}
END_TEST

Suite *gradcheck_faults_suite(void)
{
    return make_suite("gradcheck_faults", (const TTest *const[]){ functions, operators, NULL });
}
