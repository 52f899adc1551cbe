/* Every operator in the list is right at its samples, and every operator that ops.h offers is
 * in the list: the header is read as text, so one that was forgotten fails here. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>

START_TEST(every_operator_is_right_to_second_order)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    ct_gradcheck_report report;
    for (int i = 0; i < n; i++) {
        ct_scope scope = ct_scope_begin(cx);
        bool none = list[i]->flags & (CT_OP_CONSTANT | CT_OP_UPDATE);
        ct_verdict want = none ? CT_GRADCHECK_INVALID : CT_GRADCHECK_PASS;
        ct_verdict verdict = ct_gradcheck_op(cx, list[i], &(ct_gradcheck_options){ .order = 2 },
                                             &report);
        ck_assert_msg(verdict == want, "%s", ct_gradcheck_text(cx, &report));
        ck_assert_msg(!none || strstr(report.diagnosis, "no derivative"), "%s", report.diagnosis);
        expect_ok();
        ct_scope_end(cx, scope);
    }
    ck_assert_int_gt(n, 50);
}
END_TEST

/* -- Completeness */
/* functions that are written with other operators, and what they are written with */
static const char *const composed[][2] = {
    { "sum", "sum_to" }, { "sum_over", "sum_to" }, { "mean", "sum_to" }, { "mean_over", "sum_to" },
    { "var", "sum_to" }, { "var_over", "sum_to" }, { "max_over", "max" }, { "min_over", "min" },
    { "logsumexp_over", "logsumexp" },
    { "activate", "relu" },
};

static const char *operator_of(const char *function)
{
    for (size_t i = 0; i < sizeof composed / sizeof *composed; i++)
        if (strcmp(composed[i][0], function) == 0)
            return composed[i][1];
    return function;
}

/* the name after "ct_tensor *ct_" at the start of a line; false: none */
static bool prototype(const char *line, char name[64])
{
    const char *start = "ct_tensor *ct_";
    if (strncmp(line, start, strlen(start)) != 0)
        return false;
    size_t n = 0;
    for (line += strlen(start); n < 63 && (isalnum((unsigned char)*line) || *line == '_'); line++)
        name[n++] = *line;
    name[n] = '\0';
    return *line == '(';
}

START_TEST(every_operator_of_the_header_is_in_the_list)
{
    FILE *header = fopen(CT_SOURCE_ROOT "/include/cotangent/ops.h", "r");
    ck_assert_msg(header != NULL, "cannot read ops.h below %s", CT_SOURCE_ROOT);
    char line[512], name[64];
    int found = 0;
    while (fgets(line, sizeof line, header)) {
        if (!prototype(line, name))
            continue;
        found++;
        ck_assert_msg(ct_op_find(operator_of(name)) != NULL,
                      "ct_%s is in ops.h, but \"%s\" is not in the list of operators", name,
                      operator_of(name));
    }
    fclose(header);
    ck_assert_int_gt(found, 60);
}
END_TEST

Suite *operators_suite(void)
{
    return make_suite("operators", (const TTest *const[]){
        every_operator_is_right_to_second_order, every_operator_of_the_header_is_in_the_list,
        NULL });
}
