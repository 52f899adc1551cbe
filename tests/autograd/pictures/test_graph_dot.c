/* dot.c: ct_graph_dot writes what Graphviz reads. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

START_TEST(every_byte)
{
    ct_tensor *a = ct_named(ct_variable(ct_scalar(cx, CT_F64, 2)), "a");
    ct_tensor *b = ct_full(cx, CT_F64, CT_SHAPE(2), NAN);
    ck_assert_str_eq(ct_graph_dot(ct_mul(ct_add(a, b), b), NULL),
        "digraph cotangent {\n"
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=sans];\n"
        "  v0 [label=\"variable\\na\\nf64 ()\", fillcolor=\"#dbe8f8\"];\n"
        "  v1 [label=\"constant\\nf64 (2)\", style=\"rounded,dashed\", color=red, penwidth=3];\n"
        "  v2 [label=\"add\\nf64 (2)\", color=red, penwidth=3];\n"
        "  v3 [label=\"mul\\nf64 (2)\", color=red, penwidth=3];\n"
        "  v0 -> v2;\n  v1 -> v2;\n  v2 -> v3;\n  v1 -> v3;\n}\n");
}
END_TEST

START_TEST(bounds_and_errors)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 2));
    const char *text = ct_graph_dot(ct_mul(ct_neg(x), x), &(ct_graph_options){ .max_vertices = 2 });
    ck_assert_ptr_nonnull(strstr(text, "label=\"2 inputs are left out\";\n}"));
    ck_assert_ptr_null(ct_graph_dot(x, &(ct_graph_options){ .max_values = -1 }));
    expect_error(CT_ERROR_VALUE, "graph_dot", NULL);
    ck_assert_ptr_null(ct_graph_dot(NULL, NULL));
    expect_ok();
}
END_TEST

START_TEST(what_is_no_letter_is_escaped)
{
    ct_tensor *x = ct_named(ct_variable(ct_scalar(cx, CT_F64, 2)), "a\"b\\c\n</svg>&amp;\xff");
    ck_assert_ptr_nonnull(strstr(ct_graph_dot(ct_neg(x), NULL),
                                 "\\na\\\"b\\\\c?&#60;/svg&#62;&#38;amp;?\\n"));
}
END_TEST

/* Graphviz itself reads it, whatever the names are, and writes them as they were */
START_TEST(graphviz_reads_it)
{
    if (system("command -v dot >/dev/null 2>&1") != 0) {
        skip("there is no dot");
        return;
    }
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 2))), *q, *r;
    ct_named(x, "a\"b\\c\n</svg>&amp;\xff");
    ck_assert_int_eq(ct_qr(x, &q, &r), CT_OK);
    FILE *dot = popen("dot -Tplain | grep -F 'a\\\"b\\\\c?</svg>&amp;?' >/dev/null", "w");
    ck_assert_ptr_nonnull(dot);
    ck_assert_int_ge(fputs(ct_graph_dot(ct_mul(ct_sum(r), ct_sum(x)), NULL), dot), 0);
    ck_assert_int_eq(pclose(dot), 0);
}
END_TEST

Suite *graph_dot_suite(void);
Suite *graph_dot_suite(void)
{
    return make_suite("autograd/graph_dot", (const TTest *[]){
        every_byte, bounds_and_errors, what_is_no_letter_is_escaped, graphviz_reads_it, NULL });
}
