/* Any operator on any inputs: an error, or a result, and no crash. Covers the checks of apply.c, and
 * each operator's `infer`. */
#include "support.h"

static const ct_dtype dtypes[] = { CT_F32, CT_F64, CT_I64, CT_BOOL };
static const int64_t sizes[][3] = { { 0 }, { 1 }, { 3 }, { 0 }, { 2, 3 }, { 3, 3 }, { 2, 0 },
                                    { 2, 2, 2 } };
static const int dimensions[] = { 0, 1, 1, 1, 2, 2, 2, 3 };
enum { DTYPES = 4, SHAPES = 8, MOST = 9 };

static ct_tensor *operand(int dtype, int shape, bool wants_grad)
{
    ct_tensor *x = ct_ones(cx, dtypes[dtype], sizes[shape], dimensions[shape]);
    return wants_grad && dtypes[dtype] <= CT_F64 ? ct_variable(x) : x;
}

static bool right_number(const ct_op *op, int n)
{
    return n > 0 && (op->inputs > 0 ? n == op->inputs : n >= -op->inputs);
}

/* op on these inputs; where there is a result, backward too */
static void try(const ct_op *op, const void *attributes, ct_tensor *const *x, int n)
{
    ct_tensor *y[8] = { NULL };
    ct_status status = ct_apply_all(op, attributes, x, n, y);
    bool complete = right_number(op, n) && (attributes || op->attributes_size == 0);
    ck_assert_msg(complete || status != CT_OK, "%s takes %d inputs", op->name, n);
    ck_assert_msg((status == CT_OK) == (ct_error(cx) == CT_OK) || n == 0, "%s: %d, %s", op->name,
                  (int)status, ct_error_text(cx));
    if (!complete && n > 0)
        ck_assert_msg(strncmp(ct_error_text(cx), op->name, strlen(op->name)) == 0, "%s: %s",
                      op->name, ct_error_text(cx));
    if (status == CT_OK && y[0] && ct_requires_grad(y[0]))
        ct_backward_from(y[0], ct_ones_like(y[0]));
    ct_error_clear(cx);
}

static void try_all(const ct_op *op)
{
    char *zeros = calloc(1, op->attributes_size + 1);
    ct_tensor *x[MOST];
    for (int n = 0; n <= MOST; n++)
        for (int k = 0; k < DTYPES * DTYPES * SHAPES * 3; k++) {
            ct_scope scope = ct_scope_begin(cx);
            int mixed = k / (DTYPES * DTYPES * SHAPES); /* no input, the second one, the others */
            for (int i = 0; i < n; i++)
                x[i] = operand(i == 0 ? k % DTYPES : k / DTYPES % DTYPES,
                               (k / DTYPES / DTYPES + (mixed == 2 ? i : mixed == 1 && i > 0)) % SHAPES,
                               k % 2 == 0);
            try(op, zeros, x, n);
            if (k < DTYPES)
                try(op, NULL, x, n);
            ct_scope_end(cx, scope);
        }
    free(zeros);
}

START_TEST(each_operator_on_any_inputs)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        try_all(list[i]);
}
END_TEST

START_TEST(each_operator_states_how_many)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++) {
        char attributes[512] = { 0 };
        ct_tensor *x[8];
        ck_assert_msg(list[i]->inputs != 0, "%s takes any number of inputs", list[i]->name);
        ck_assert_uint_le(list[i]->attributes_size, sizeof attributes);
        for (int k = 0, inputs; (inputs = list[i]->sample(cx, k, x, attributes)) > 0; k++)
            ck_assert_msg(right_number(list[i], inputs), "%s: sample %d has %d inputs",
                          list[i]->name, k, inputs);
    }
}
END_TEST

START_TEST(messages)
{
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2)), *all[3] = { x, x, x };
    ck_assert_ptr_null(ct_apply(&ct_add_op, NULL, all, 1));
    expect_error(CT_ERROR_VALUE, "add: takes 2 inputs, got 1", NULL);
    ck_assert_ptr_null(ct_apply(&ct_add_op, NULL, all, 3));
    expect_error(CT_ERROR_VALUE, "add: takes 2 inputs, got 3", NULL);
    ck_assert_ptr_null(ct_apply(&ct_sum_to_op, NULL, all, 2));
    expect_error(CT_ERROR_VALUE, "sum_to: takes 1 input, got 2", NULL);
    ck_assert_ptr_null(ct_apply(&ct_sum_to_op, NULL, all, 1));
    expect_error(CT_ERROR_NULL, "sum_to: the attributes are NULL", NULL);
    ck_assert_ptr_null(ct_apply(ct_op_find("linear"), &(int){ 0 }, all, 1));
    expect_error(CT_ERROR_VALUE, "linear: takes 2 inputs or more, got 1", NULL);
    ct_op many = *ct_op_find("exp");
    many.outputs = 9;
    ck_assert_ptr_null(ct_apply(&many, NULL, all, 1));
    expect_error(CT_ERROR_VALUE, "exp: has 9 outputs; 8 are possible", NULL);
}
END_TEST

Suite *inputs_suite(void);
Suite *inputs_suite(void)
{
    return make_suite("autograd/inputs", (const TTest *[]){
        each_operator_on_any_inputs, each_operator_states_how_many, messages, NULL });
}
