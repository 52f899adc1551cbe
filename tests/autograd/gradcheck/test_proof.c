/* The checker's proof at one seed each: broken rules are found, with the right words at the right
 * place, and right functions are not called wrong. The program `proof` runs it at many. */
#include "support.h"

#include "proof.h"

static proof_case cases[PROOF_CASES];

static void expect_found(const proof_case *p, uint64_t seed)
{
    ct_gradcheck_report report;
    const char *why;
    ct_scope scope = ct_scope_begin(cx);
    proof_check(cx, p, seed, &report);
    ck_assert_msg(proof_is_right(p, &report, &why), "%s, %s: %s is wrong in %s", p->kind, p->name,
                  why, ct_gradcheck_text(cx, &report));
    expect_ok();
    ct_scope_end(cx, scope);
}

START_TEST(broken_rules_are_found)
{
    int n = proof_broken(cases);
    ck_assert_int_ge(n, 130);
    for (int i = 0; i < n; i++) {
#ifdef UNDER_VALGRIND
        /* valgrind's addresses can be such that the rule is wrong in each call */
        if (strstr(cases[i].name, "by the address"))
            continue;
#endif
        expect_found(&cases[i], (uint64_t)i);
    }
}
END_TEST

typedef struct draw {
    const char *name;
    uint64_t seed;
} draw;

/* Of the first three one entry of x is near -pi, so that its sine is rounded coarsely. Of the
 * last the sharpest slope is biased, since the product of x and 1e4 is rounded. */
static const draw hard_broken[] = { { "one, by 1e-4 (sin)", 639 },
                                    { "infinite (sin)", 639 },
                                    { "one -infinite (sin)", 639 },
                                    { "sin(1e4 x), halved", 164 },
                                    { "sin(1e4 x), halved", 751 } };
/* Rounding makes steps in the values, and between two of them any slope is smooth. */
static const draw hard_right[] = { { "x + 1e-6 sin(1e6 x)", 72 },
                                   { "x + 1e-6 sin(1e6 x)", 368 },
                                   { "tanh of a product", 235 },
                                   { "tanh of a product", 467 },
                                   { "tanh of a product", 629 },
                                   { "tanh of a product", 824 },
                                   { "tanh of a product", 856 },
                                   { "tanh of a product", 861 },
                                   { "(e^x - 1)/x at 1e-8", 250 },
                                   { "x + 1e10 - 1e10 + sin x", 314 } };

static const proof_case *named(const char *name, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    ck_abort_msg("there is no case %s", name);
}

START_TEST(broken_rules_are_found_at_hard_points)
{
    int n = proof_broken(cases);
    for (size_t i = 0; i < sizeof hard_broken / sizeof *hard_broken; i++)
        expect_found(named(hard_broken[i].name, n), hard_broken[i].seed);
}
END_TEST

static void expect_not_wrong(const proof_case *p, uint64_t seed)
{
    ct_gradcheck_report report;
    ct_scope scope = ct_scope_begin(cx);
    ct_verdict verdict = proof_check(cx, p, seed, &report);
    ck_assert_msg(verdict != CT_GRADCHECK_FAIL && verdict != CT_GRADCHECK_INVALID, "%s, %s: %s",
                  p->kind, p->name, ct_gradcheck_text(cx, &report));
    expect_ok();
    ct_scope_end(cx, scope);
}

START_TEST(right_functions_are_not_called_wrong)
{
    int n = proof_right(cases);
    ck_assert_int_ge(n, 110);
    for (int i = 0; i < n; i++)
        expect_not_wrong(&cases[i], (uint64_t)i);
}
END_TEST

START_TEST(right_functions_are_not_called_wrong_at_hard_points)
{
    int n = proof_right(cases);
    for (size_t i = 0; i < sizeof hard_right / sizeof *hard_right; i++)
        expect_not_wrong(named(hard_right[i].name, n), hard_right[i].seed);
}
END_TEST

Suite *gradcheck_proof_suite(void)
{
    return make_suite("gradcheck_proof", (const TTest *const[]){
        broken_rules_are_found, broken_rules_are_found_at_hard_points,
        right_functions_are_not_called_wrong,
        right_functions_are_not_called_wrong_at_hard_points, NULL });
}
