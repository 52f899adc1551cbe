/* forward.c: jvps that are wrong, each in one way, and flags that promise what does not hold. */
#include "support.h"

typedef enum fault {
    NONE, DOUBLED, ONE_ENTRY, FORGETS_B, RECORDED, UNRECORDED, F32, STRIDED, CUT, BOTH_ONLY, FAILS
} fault;

static fault now;
static ct_gradcheck_report report;

static ct_status forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    return ct_assign(y, ct_mul(ct_call_x(call, 0), ct_sin(ct_call_x(call, 1))));
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    if (ct_call_wants(call, 0))
        gx[0] = ct_mul(gy[0], ct_sin(b));
    if (ct_call_wants(call, 1))
        gx[1] = ct_mul(gy[0], ct_mul(a, ct_cos(b)));
    return CT_OK;
}

static ct_tensor *spoil(ct_tensor *t, const ct_call *call, bool both)
{
    ct_tensor *x = ct_call_x(call, 0);
    const bool recording = ct_is_recording(cx);
    const bool wrong = now == DOUBLED || (now == RECORDED && recording) ||
                       (now == UNRECORDED && !recording) ||
                       (now == F32 && ct_dtype_of(x) == CT_F32) ||
                       (now == STRIDED && !ct_is_contiguous(x)) || (now == BOTH_ONLY && both);
    if (now == ONE_ENTRY) {
        ct_tensor *last = ct_eq(ct_range(cx, CT_I64, 3), ct_full(cx, CT_I64, NULL, 0, 2));
        return ct_where(last, ct_scale(t, 1.001), t);
    }
    return wrong ? ct_scale(t, 2) : now == CUT ? ct_mul(t, ct_detach(ct_ones_like(t))) : t;
}

static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    ct_tensor *cosine = now == CUT ? ct_detach(ct_cos(b)) : ct_cos(b);
    ct_tensor *of_a = tx[0] ? ct_mul(tx[0], ct_sin(b)) : NULL;
    ct_tensor *of_b = tx[1] ? ct_mul(tx[1], ct_mul(a, cosine)) : NULL;
    if (now == FAILS)
        return ct_call_fail(call, CT_ERROR_VALUE, "the jvp is not ready");
    if (now == FORGETS_B && of_a)
        of_b = NULL;
    ct_tensor *t = of_a && of_b ? ct_add(of_a, of_b) : of_a ? of_a : of_b;
    ty[0] = spoil(t, call, of_a && of_b);
    return CT_OK;
}

static int sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(2, 3));
    x[1] = ct_randn(c, CT_F64, CT_SHAPE(2, 3));
    return k < 1 ? 2 : 0;
}

static ct_op op = { .name = "a_sin_b", .inputs = 2, .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
                    .infer = ct_infer_same, .forward = forward, .vjp = vjp, .jvp = jvp,
                    .sample = sample };

static void expect(fault fault, int order, ct_verdict verdict, const char *diagnosis)
{
    now = fault;
    ct_gradcheck_op(cx, &op, &(ct_gradcheck_options){ .order = order }, &report);
    ck_assert_msg(report.verdict == verdict && strstr(report.diagnosis, diagnosis),
                  "fault %d: %s: %s", fault, ct_verdict_text(report.verdict), report.diagnosis);
}

START_TEST(wrong_jvps)
{
    expect(NONE, 1, CT_GRADCHECK_PASS, "");
    expect(NONE, 2, CT_GRADCHECK_PASS, "");
    expect_ok();
    expect(DOUBLED, 1, CT_GRADCHECK_FAIL, "the tangent is not that of the gradient");
    ck_assert_double_eq_tol(report.analytic, 2 * report.numeric, 1e-12);
    expect(ONE_ENTRY, 1, CT_GRADCHECK_FAIL, "the tangent is not that of the gradient");
    ck_assert_int_eq(report.input, 0);
    ck_assert_int_eq(report.index[1], 2);
    expect(FORGETS_B, 1, CT_GRADCHECK_FAIL, "tangent");
    expect(BOTH_ONLY, 1, CT_GRADCHECK_FAIL, "tangent");
    expect(UNRECORDED, 1, CT_GRADCHECK_FAIL, "the tangent is not that of the gradient");
    expect(RECORDED, 1, CT_GRADCHECK_FAIL, "recorded");
    expect(F32, 1, CT_GRADCHECK_FAIL, "in f32");
    expect(STRIDED, 1, CT_GRADCHECK_FAIL, "(x with gaps)");
    expect(CUT, 1, CT_GRADCHECK_PASS, "");
    expect(CUT, 2, CT_GRADCHECK_FAIL, "has not the derivative of the gradient");
    expect_ok();
    expect(FAILS, 1, CT_GRADCHECK_INVALID, "not ready");
    expect_error(CT_ERROR_VALUE, "a_sin_b: the jvp is not ready", NULL);
}
END_TEST

/* y = M x with a matrix that is not symmetric, and y = x + 1 */
static ct_tensor *matrix(ct_dtype dtype)
{
    return ct_cast(ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 3, 4)), dtype);
}

static ct_status turn(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    return ct_assign(ct_call_y(call, 0), ct_matmul(matrix(ct_dtype_of(x)), x));
}

static ct_status turn_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = ct_matmul(ct_transpose(matrix(ct_dtype_of(gy[0]))), gy[0]);
    return CT_OK;
}

static ct_status shift(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_shift(ct_call_x(call, 0), 1));
}

static ct_status shift_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gy[0];
    return CT_OK;
}

static int two(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(2));
    return k < 1 ? 1 : 0;
}

START_TEST(promises_that_do_not_hold)
{
    ct_op turned = { .name = "turn", .inputs = 1, .infer = ct_infer_same, .forward = turn,
                     .vjp = turn_vjp, .sample = two, .flags = CT_OP_LINEAR };
    ct_op shifted = { .name = "shift", .inputs = 1, .infer = ct_infer_same, .forward = shift,
                      .vjp = shift_vjp, .sample = two, .flags = CT_OP_SYMMETRIC };
    ck_assert_int_eq(ct_gradcheck_op(cx, &turned, NULL, &report), CT_GRADCHECK_PASS);
    ck_assert_int_eq(ct_gradcheck_op(cx, &shifted, NULL, &report), CT_GRADCHECK_PASS);
    turned.flags = CT_OP_SYMMETRIC;
    shifted.flags = CT_OP_LINEAR;
    ck_assert_int_eq(ct_gradcheck_op(cx, &turned, NULL, &report), CT_GRADCHECK_FAIL);
    ck_assert_ptr_nonnull(strstr(report.diagnosis, "tangent"));
    ck_assert_int_eq(ct_gradcheck_op(cx, &shifted, NULL, &report), CT_GRADCHECK_FAIL);
    ck_assert_ptr_nonnull(strstr(report.diagnosis, "tangent"));
    expect_ok();
}
END_TEST

static void check(ct_context *c)
{
    ct_context *outer = cx;
    cx = c;
    now = NONE;
    ct_gradcheck_op(c, &op, &(ct_gradcheck_options){ .order = 2, .quick = true }, NULL);
    cx = outer;
}

START_TEST(some_allocations_fail)
{
    for_some_failing_allocations(check, 97);
}
END_TEST

Suite *gradcheck_forward_suite(void);
Suite *gradcheck_forward_suite(void)
{
    return make_suite("gradcheck_forward", (const TTest *[]){
        wrong_jvps, promises_that_do_not_hold, some_allocations_fail, NULL });
}
