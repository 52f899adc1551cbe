/* Tensors from the caller's memory, copied, borrowed and shared. */
#include "support.h"

static void gone(void *data, void *user)
{
    (void)data;
    ++*(int *)user;
}

START_TEST(borrowed)
{
    double mine[] = { 1, 2, 3, 4, 5, 6 };
    int64_t strides[] = { 1, 2 };
    int released = 0;
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_borrow(cx, CT_F64, CT_SHAPE(2, 3), mine,
                             &(ct_borrow_options){ .strides = strides, .release = gone,
                                                   .user = &released });
    expect_values(x, CT_DOUBLES(1, 3, 5, 2, 4, 6), 0);
    ct_tensor *view = ct_retain(ct_transpose(x));
    ct_set(x, CT_INDEX(1, 2), 9);
    ck_assert_double_eq(mine[5], 9);
    ct_scope_end(cx, scope);
    ck_assert_int_eq(released, 0);
    ct_release(view);
    ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(released_with_the_context)
{
    double mine[1] = { 1 };
    int released = 0;
    ct_context *c = ct_context_new(NULL);
    ct_retain(ct_borrow(c, CT_F64, CT_SHAPE(1), mine,
                        &(ct_borrow_options){ .release = gone, .user = &released }));
    ct_context_free(c);
    ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(read_only)
{
    const float mine[] = { 1, 2 };
    ct_tensor *x = ct_borrow_const(cx, CT_F32, CT_SHAPE(2), mine);
    ck_assert_int_eq(ct_fill(x, 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ck_assert_int_eq(ct_fill(ct_slice(x, 0, 0, 1, 1), 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ck_assert_int_eq(ct_fill(ct_detach(x), 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ck_assert_double_eq(ct_item(ct_sum(x)), 3);
}
END_TEST

START_TEST(shared)
{
    ct_context *other = ct_context_new(NULL);
    ct_tensor *x = ct_range(other, CT_F64, 3), *y = ct_share(cx, x);
    ck_assert_ptr_eq(ct_data(y), ct_data(x));
    ck_assert_double_eq(ct_item(ct_sum(y)), 3);
    ck_assert_ptr_null(ct_add(x, y));
    ck_assert_int_eq(ct_error(other), CT_ERROR_CONTEXT);
    ck_assert_int_eq(ct_fill(y, 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ct_context_free(other);
}
END_TEST

START_TEST(bad_memory)
{
    double mine[4] = { 0 };
    int64_t far[] = { INT64_MAX / 4, 1 };
    ck_assert_ptr_null(ct_borrow(cx, CT_F64, CT_SHAPE(2), NULL, NULL));
    expect_error(CT_ERROR_NULL, "borrow", NULL);
    ck_assert_ptr_null(ct_borrow(cx, CT_F64, CT_SHAPE(2), (char *)mine + 1, NULL));
    expect_error(CT_ERROR_VALUE, "aligned", NULL);
    ck_assert_ptr_null(ct_borrow(cx, CT_F64, CT_SHAPE(2, 2), mine,
                                 &(ct_borrow_options){ .strides = far }));
    expect_error(CT_ERROR_RANGE, "stride", NULL);
    ck_assert_ptr_null(ct_borrow(cx, CT_F64, CT_SHAPE(2), mine,
                                 &(ct_borrow_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_ptr_null(ct_from_doubles(cx, CT_F64, CT_SHAPE(3), mine, 4));
    expect_error(CT_ERROR_SHAPE, "from_doubles", "4 values", "(3)", NULL);
    ck_assert_ptr_null(ct_from_memory(cx, CT_F64, CT_SHAPE(3), NULL));
    expect_error(CT_ERROR_NULL, "from_memory", NULL);
}
END_TEST

/* -- Bytes of bools */
START_TEST(bools_are_0_and_1_when_copied)
{
    const unsigned char bytes[] = { 0, 1, 2, 255 };
    ct_tensor *x = ct_from_memory(cx, CT_BOOL, CT_SHAPE(4), bytes);
    ck_assert_mem_eq(ct_data(x), "\0\1\1\1", 4);
    expect_values(ct_cast(x, CT_F32), CT_DOUBLES(0, 1, 1, 1), 0);
    expect_values(ct_eq(x, ct_ones(cx, CT_BOOL, CT_SHAPE(4))), CT_DOUBLES(0, 1, 1, 1), 0);
}
END_TEST

START_TEST(bools_that_are_neither_0_nor_1_are_not_borrowed)
{
    unsigned char bytes[] = { 0, 1, 1, 0, 1, 7 };
    int released = 0;
    int64_t columns[] = { 1, 3 }, both[] = { 0, 1 };
    ck_assert_ptr_null(ct_borrow(cx, CT_BOOL, CT_SHAPE(2, 3), bytes,
                                 &(ct_borrow_options){ .release = gone, .user = &released }));
    expect_error(CT_ERROR_VALUE, "borrow", "element (1,2)", "byte 7", NULL);
    ck_assert_ptr_null(ct_borrow_const(cx, CT_BOOL, CT_SHAPE(6), bytes));
    expect_error(CT_ERROR_VALUE, "element (5)", NULL);
    ck_assert_ptr_null(ct_borrow(cx, CT_BOOL, CT_SHAPE(3, 2), bytes,
                                 &(ct_borrow_options){ .strides = columns }));
    expect_error(CT_ERROR_VALUE, "element (2,1)", NULL);
    ck_assert_ptr_null(ct_borrow(cx, CT_BOOL, NULL, 0, bytes + 5, NULL));
    expect_error(CT_ERROR_VALUE, "element ()", NULL);
    ck_assert_int_eq(released, 0); /* it was never taken */
    ck_assert_ptr_nonnull(ct_borrow(cx, CT_BOOL, CT_SHAPE(5), bytes, NULL));
    ck_assert_ptr_nonnull(ct_borrow(cx, CT_BOOL, CT_SHAPE(4, 5), bytes,
                                    &(ct_borrow_options){ .strides = both }));
    ck_assert_ptr_nonnull(ct_borrow(cx, CT_BOOL, CT_SHAPE(0, 6), bytes, NULL));
    expect_ok();
}
END_TEST

START_TEST(bools_that_are_neither_0_nor_1_are_not_shared)
{
    ct_context *other = ct_context_new(NULL);
    ct_tensor *x = ct_transpose(ct_zeros(other, CT_BOOL, CT_SHAPE(2, 3)));
    ck_assert_ptr_nonnull(ct_share(cx, x));
    ((unsigned char *)ct_data_mutable(x))[5] = 255;
    ck_assert_ptr_null(ct_share(cx, x));
    expect_error(CT_ERROR_VALUE, "share", "element (2,1)", "255", NULL);
    ct_context_free(other);
}
END_TEST

Suite *create_suite(void);
Suite *create_suite(void)
{
    return make_suite("autograd/create", (const TTest *[]){
        borrowed, released_with_the_context, read_only, shared, bad_memory,
        bools_are_0_and_1_when_copied, bools_that_are_neither_0_nor_1_are_not_borrowed,
        bools_that_are_neither_0_nor_1_are_not_shared, NULL });
}
