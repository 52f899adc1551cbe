/* The list of operators; and what can be asked of each of them at its samples. */
#include "support.h"

START_TEST(found_by_name)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        ck_assert_ptr_eq(ct_op_find(list[i]->name), list[i]); /* so no name is used twice */
    ck_assert_str_eq(ct_op_find("tanh")->name, "tanh");
    ck_assert_str_eq(ct_op_find("pow")->name, "pow");
    ck_assert_str_eq(ct_op_find("where")->name, "where");
    ck_assert_ptr_null(ct_op_find("no such operator"));
    ck_assert_ptr_null(ct_op_find(NULL));
}
END_TEST

static const ct_op *op;

static bool is_float(const ct_tensor *x)
{
    return x && (ct_dtype_of(x) == CT_F32 || ct_dtype_of(x) == CT_F64);
}

/* forward, backward by kernel, backward by rule, and twice, of the operator's first sample */
static void use(ct_context *c)
{
    _Alignas(16) char attributes[1024] = "";
    ct_tensor *x[8] = { NULL }, *y[8] = { NULL }, *targets[8], *g[8], *h[8];
    int n = op->sample(c, 0, x, attributes), count = 0;
    for (int i = 0; i < n; i++)
        if (is_float(x[i]))
            targets[count++] = ct_variable(x[i]);
    ct_apply_all(op, attributes, x, n, y);
    if (!is_float(y[0]) || !ct_requires_grad(y[0]))
        return;
    ct_grad(ct_sum(y[0]), NULL, targets, count, CT_ZERO_PATH, g);
    ct_grad(ct_sum(ct_mul(y[0], y[0])), NULL, targets, count, CT_CREATE_GRAPH | CT_ZERO_PATH, g);
    ct_grad(ct_sum(g[0]), NULL, targets, count, CT_ZERO_PATH, h);
}

START_TEST(every_allocation_of_every_operator_fails_once)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++) {
        op = list[i];
        if (op->flags & CT_OP_UPDATE)
            continue; /* writes into variables: not while recording */
        use(cx);
        ck_assert_msg(ct_error(cx) == CT_OK, "%s: %s", op->name, ct_error_text(cx));
        for_each_failing_allocation(use);
    }
}
END_TEST

Suite *list_suite(void)
{
    const TTest *const tests[] = { found_by_name, every_allocation_of_every_operator_fails_once,
                                   NULL };
    return make_suite("list", tests);
}
