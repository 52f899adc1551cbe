/* What the tests of ct_gradcheck share: a check of `cx`, and what is expected of its report. */
#ifndef CHECKED_H
#define CHECKED_H
#include "support.h"

static ct_gradcheck_report report; /* of the last check */

static inline ct_verdict check(ct_function f, void *user, ct_tensor *const *x, int n,
                        const ct_gradcheck_options *options)
{
    return ct_gradcheck(cx, f, user, x, n, options, &report);
}

/* fragment: a part of the report's text, or NULL */
static inline void expect_verdict(ct_verdict have, ct_verdict want, const char *fragment)
{
    const char *text = ct_gradcheck_text(cx, &report);
    ck_assert_msg(have == want, "%s instead of %s: %s", ct_verdict_text(have),
                  ct_verdict_text(want), text);
    ck_assert_int_eq(report.verdict, want);
    ck_assert_msg(!fragment || strstr(text, fragment), "no \"%s\" in %s", fragment, text);
}

static inline void expect_pass(ct_function f, ct_tensor *x, int order)
{
    expect_verdict(check(f, NULL, &x, 1, &(ct_gradcheck_options){ .order = order }),
                   CT_GRADCHECK_PASS, NULL);
    expect_ok();
    ck_assert_int_gt(report.compared, 0);
    ck_assert_int_eq(report.wrong, 0);
}

static inline ct_tensor *numbers(int n, const double *values)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(n), values, n);
}

/* -- Functions to check */
#define FUNCTION(name, expression)                                                              \
    static inline ct_tensor *name(ct_context *c, ct_tensor *const *xs, int n, void *user)       \
    {                                                                                           \
        ct_tensor *x = xs[0];                                                                   \
        (void)c, (void)n, (void)user;                                                           \
        return expression;                                                                      \
    }
FUNCTION(sines, ct_sin(x))
FUNCTION(logs, ct_log(x))
FUNCTION(softmaxes, ct_softmax(x, 0))
#endif
