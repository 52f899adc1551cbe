/* unsaved.c: a rule that reads what its operator does not save is found, whatever it reads, and is
 * named; a rule that reads what it saves is not blamed. */
#include "support.h"

#include <stdio.h>

static ct_gradcheck_report report; /* of the last check */

static double get(const ct_tensor *t, int64_t k)
{
    return ct_dtype_of(t) == CT_F32 ? ((const float *)ct_data(t))[k]
                                    : ((const double *)ct_data(t))[k];
}

static void put(ct_tensor *t, int64_t k, double value)
{
    if (ct_dtype_of(t) == CT_F32)
        ((float *)ct_data_mutable(t))[k] = (float)value;
    else
        ((double *)ct_data_mutable(t))[k] = value;
}

static void expect(ct_verdict want, const char *diagnosis)
{
    const char *text = ct_gradcheck_text(cx, &report);
    ck_assert_msg(report.verdict == want, "%s instead of %s: %s", ct_verdict_text(report.verdict),
                  ct_verdict_text(want), text);
    ck_assert_msg(strstr(report.diagnosis, diagnosis), "no \"%s\" in %s", diagnosis, text);
    expect_ok();
}

/* -- y0 = m k exp(x), y1 = exp(x), with integers k and a mask m. The rules read m, k, and exp(x)
 * from x, from y1 or from an auxiliary */
typedef enum source { FROM_X, FROM_Y, FROM_AUX } source;
static source from;
static bool compares; /* k counts as k > 3 */

static ct_status mixed_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    ct_status status = CT_OK;
    for (int i = 0; i < 2 && status == CT_OK; i++)
        status = ct_call_set_y(call, i, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    return status == CT_OK ? ct_call_set_aux(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x))
                           : status;
}

static double factor(const ct_call *call, int64_t i)
{
    const int64_t *k = ct_data(ct_call_x(call, 1));
    const bool *m = ct_data(ct_call_x(call, 2));
    return !m[i] ? 0 : compares ? k[i] > 3 : (double)k[i];
}

static ct_status mixed(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t i = 0; i < ct_count(x); i++) {
        double e = exp(get(x, i));
        put(ct_call_y(call, 0), i, factor(call, i) * e);
        put(ct_call_y(call, 1), i, e);
        put(ct_call_aux(call, 0), i, e);
    }
    return CT_OK;
}

static ct_status mixed_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_tensor *e = from == FROM_X   ? ct_call_x(call, 0)
                         : from == FROM_Y ? ct_call_y(call, 1)
                                          : ct_call_aux(call, 0);
    for (int64_t i = 0; i < ct_count(gx[0]); i++) {
        double at = from == FROM_X ? exp(get(e, i)) : get(e, i);
        double g = (gy[0] ? get(gy[0], i) * factor(call, i) : 0) + (gy[1] ? get(gy[1], i) : 0);
        put(gx[0], i, g * at + (ct_call_adds(call, 0) ? get(gx[0], i) : 0));
    }
    return CT_OK;
}

static ct_status mixed_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *k = ct_call_x(call, 1), *m = ct_call_x(call, 2);
    ct_tensor *e = from == FROM_X ? ct_exp(x) : from == FROM_Y ? ct_call_y(call, 1)
                                                               : ct_call_aux(call, 0);
    ct_dtype dtype = ct_dtype_of(x);
    ct_tensor *g = ct_mul(gy[0], ct_mul(ct_cast(k, dtype), ct_cast(m, dtype)));
    gx[0] = ct_mul(ct_add(g, gy[1]), e);
    return CT_OK;
}

static int64_t n = 4;

static int mixed_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    static const bool mask[] = { true, false, true, true };
    (void)attributes;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(n));
    x[1] = ct_from_ints(c, CT_SHAPE(n), (int64_t[]){ 5, 1, 3, 5 }, n);
    x[2] = ct_from_memory(c, CT_BOOL, CT_SHAPE(n), mask);
    return k < 1 ? 3 : 0;
}

static const ct_op mixed_op = { .name = "mixed", .outputs = 2, .flags = CT_OP_CONTIGUOUS,
                                .infer = mixed_infer, .forward = mixed, .sample = mixed_sample };

typedef struct reading {
    source from;
    unsigned needs;
    const char *missing; /* the diagnosis, but for the rule's name */
} reading;

static const reading readings[] = {
    { FROM_X, CT_SAVE_X(0), "reads input 0" },
    { FROM_Y, CT_SAVE_Y(1), "reads output 1" },
    { FROM_AUX, CT_SAVE_AUX, "reads auxiliary 0" },
    { FROM_X, CT_SAVE_X(1), "reads input 1" },
    { FROM_X, CT_SAVE_X(2), "reads input 2" },
};

static const unsigned all = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_X(2) | CT_SAVE_Y(1) | CT_SAVE_AUX;

static void check_mixed(bool backward, bool vjp, unsigned saves)
{
    ct_op op = mixed_op;
    op.saves = saves;
    op.backward = backward ? mixed_backward : NULL;
    op.vjp = vjp ? mixed_vjp : NULL;
    ct_gradcheck_op(cx, &op, NULL, &report);
}

START_TEST(whatever_a_rule_reads_must_be_saved)
{
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        const reading *r = &readings[i];
        char text[80];
        from = r->from;
        for (int rules = 1; rules < 4; rules++) {
            check_mixed(rules & 1, rules & 2, all);
            expect(CT_GRADCHECK_PASS, "");
            check_mixed(rules & 1, rules & 2, all & ~r->needs);
            snprintf(text, sizeof text, "%s %s, which `saves` does not list",
                     rules & 1 ? "backward" : "vjp", r->missing);
            expect(CT_GRADCHECK_FAIL, text);
            ck_assert_int_eq(report.input, 0);
            ck_assert_int_eq(report.wrong, 1);
        }
    }
}
END_TEST

/* the order of one integer cannot be changed, so its value must be */
START_TEST(an_integer_that_is_alone)
{
    n = 1;
    check_mixed(true, false, all & ~CT_SAVE_X(1));
    expect(CT_GRADCHECK_FAIL, "backward reads input 1");
}
END_TEST

/* of 5, 1, 3, 5 none changes sides when it comes nearer to 0 by one, but when they are turned */
START_TEST(a_rule_that_compares_integers)
{
    n = 4, from = FROM_X, compares = true;
    check_mixed(true, false, all);
    expect(CT_GRADCHECK_PASS, "");
    check_mixed(true, false, all & ~CT_SAVE_X(1));
    expect(CT_GRADCHECK_FAIL, "backward reads input 1");
    compares = false;
}
END_TEST

START_TEST(what_no_rule_reads_need_not_be_saved)
{
    static const unsigned with[] = { CT_SAVE_X(0), CT_SAVE_Y(1), CT_SAVE_AUX };
    for (int i = 0; i < 3; i++) {
        from = (source)i;
        check_mixed(true, false, with[i] | CT_SAVE_X(1) | CT_SAVE_X(2));
        expect(CT_GRADCHECK_PASS, "");
        check_mixed(false, true, with[i] | CT_SAVE_X(1) | CT_SAVE_X(2));
        expect(CT_GRADCHECK_PASS, "");
    }
}
END_TEST

/* -- One output, one input: f(x) and a derivative that is read off x or off y */
static bool exponential; /* else max(x, 0) */
static double low;       /* samples lie in [low, low + 1] */

static ct_status single(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t i = 0; i < ct_count(x); i++)
        put(ct_call_y(call, 0), i, exponential ? exp(get(x, i)) : fmax(get(x, i), 0));
    return CT_OK;
}

static ct_status single_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_tensor *t = exponential ? ct_call_y(call, 0) : ct_call_x(call, 0);
    for (int64_t i = 0; i < ct_count(gx[0]); i++) {
        double slope = exponential ? get(t, i) : get(t, i) > 0 ? 1 : 0;
        put(gx[0], i, slope * get(gy[0], i) + (ct_call_adds(call, 0) ? get(gx[0], i) : 0));
    }
    return CT_OK;
}

static int single_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_shift(ct_rand(c, CT_F64, CT_SHAPE(3)), low);
    return k < 1 ? 1 : 0;
}

static void check_single(bool is_exponential, double from_low, unsigned saves)
{
    const ct_op op = { .name = "single", .flags = CT_OP_CONTIGUOUS, .saves = saves,
                       .infer = ct_infer_same, .forward = single, .backward = single_backward,
                       .sample = single_sample };
    exponential = is_exponential, low = from_low;
    ct_gradcheck_op(cx, &op, NULL, &report);
}

START_TEST(an_output_that_is_alone)
{
    check_single(true, 0, CT_SAVE_X(0));
    expect(CT_GRADCHECK_FAIL, "backward reads output 0, which `saves` does not list");
    check_single(true, 0, CT_SAVE_Y(0));
    expect(CT_GRADCHECK_PASS, "");
}
END_TEST

START_TEST(a_rule_that_looks_at_signs_only)
{
    check_single(false, 0.5, 0);
    expect(CT_GRADCHECK_FAIL, "backward reads input 0");
    check_single(false, -2, 0);
    expect(CT_GRADCHECK_FAIL, "backward reads input 0");
    check_single(false, -2, CT_SAVE_X(0));
    expect(CT_GRADCHECK_PASS, "");
}
END_TEST

/* -- Shapes and dtypes need no saving */
static ct_status mean_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    ct_tensor *each = ct_scale(gy[0], 1 / (double)ct_count(x));
    gx[0] = ct_broadcast_to(ct_cast(each, ct_dtype_of(x)), ct_shape(x), ct_ndim(x));
    return CT_OK;
}

static ct_status mean(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    double sum = 0;
    for (int64_t i = 0; i < ct_count(x); i++)
        sum += get(x, i);
    put(ct_call_y(call, 0), 0, sum / (double)ct_count(x));
    return CT_OK;
}

START_TEST(shapes_may_be_read)
{
    const ct_op op = { .name = "mean", .flags = CT_OP_CONTIGUOUS, .infer = ct_infer_scalar,
                       .forward = mean, .vjp = mean_vjp, .sample = single_sample };
    low = 0;
    ct_gradcheck_op(cx, &op, &(ct_gradcheck_options){ .order = 2 }, &report);
    expect(CT_GRADCHECK_PASS, "");
}
END_TEST

/* -- A view shares its input's data, of which one is saved */
static ct_status same_view(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    return ct_view(call, ct_shape(x), ct_strides(x), ct_ndim(x), 0) ? CT_OK : CT_ERROR_MEMORY;
}

static ct_status same_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_op(call)->saves & CT_SAVE_X(0) ? ct_call_x(call, 0) : ct_call_y(call, 0);
    gx[0] = ct_mul(gy[0], ct_div(x, x));
    return CT_OK;
}

START_TEST(a_view_and_its_input_are_the_same_data)
{
    const unsigned saves[] = { CT_SAVE_X(0), CT_SAVE_Y(0), 0 };
    low = 0.5;
    for (int i = 0; i < 3; i++) {
        const ct_op op = { .name = "same", .flags = CT_OP_VIEW, .saves = saves[i],
                           .infer = same_view, .vjp = same_vjp, .sample = single_sample };
        ct_gradcheck_op(cx, &op, NULL, &report);
        expect(i < 2 ? CT_GRADCHECK_PASS : CT_GRADCHECK_FAIL, i < 2 ? "" : "vjp reads");
    }
}
END_TEST

/* -- A rule that gives another gradient each time is not blamed for what it reads */
static int calls;

static ct_status counting_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = ct_scale(gy[0], ++calls);
    return CT_OK;
}

START_TEST(a_rule_that_is_not_deterministic)
{
    const ct_op op = { .name = "counting", .flags = CT_OP_CONTIGUOUS, .infer = ct_infer_same,
                       .forward = single, .vjp = counting_vjp, .sample = single_sample };
    exponential = true, low = 0;
    ct_gradcheck_op(cx, &op, NULL, &report);
    expect(CT_GRADCHECK_INVALID, "the rule is not deterministic");
}
END_TEST

Suite *gradcheck_unsaved_suite(void)
{
    return make_suite("gradcheck_unsaved", (const TTest *const[]){
        whatever_a_rule_reads_must_be_saved, an_integer_that_is_alone,
        a_rule_that_compares_integers,
        what_no_rule_reads_need_not_be_saved, an_output_that_is_alone,
        a_rule_that_looks_at_signs_only, shapes_may_be_read, a_view_and_its_input_are_the_same_data,
        a_rule_that_is_not_deterministic, NULL });
}
