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
    for (int i = 0; i < n; i++)
        expect_found(&cases[i], (uint64_t)i);
}
END_TEST

/* At this seed one entry of x is near -pi, so that its sine is rounded coarsely. */
START_TEST(broken_rules_are_found_beside_a_noisy_value)
{
    int n = proof_broken(cases), found = 0;
    for (int i = 0; i < n; i++)
        if (strcmp(cases[i].name, "one, by 1e-4 (sin)") == 0 ||
            strcmp(cases[i].name, "infinite (sin)") == 0 ||
            strcmp(cases[i].name, "one -infinite (sin)") == 0) {
            expect_found(&cases[i], 639);
            found++;
        }
    ck_assert_int_eq(found, 3);
}
END_TEST

START_TEST(right_functions_are_not_called_wrong)
{
    int n = proof_right(cases);
    ck_assert_int_ge(n, 110);
    for (int i = 0; i < n; i++) {
        const proof_case *p = &cases[i];
        ct_gradcheck_report report;
        ct_scope scope = ct_scope_begin(cx);
        ct_verdict verdict = proof_check(cx, p, (uint64_t)i, &report);
        ck_assert_msg(verdict != CT_GRADCHECK_FAIL && verdict != CT_GRADCHECK_INVALID, "%s, %s: %s",
                      p->kind, p->name, ct_gradcheck_text(cx, &report));
        expect_ok();
        ct_scope_end(cx, scope);
    }
}
END_TEST

Suite *gradcheck_proof_suite(void)
{
    return make_suite("gradcheck_proof", (const TTest *const[]){
        broken_rules_are_found, broken_rules_are_found_beside_a_noisy_value,
        right_functions_are_not_called_wrong, NULL });
}
