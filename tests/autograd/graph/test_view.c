/* Views: what they share with what they look at, and where they may not look. */
#include "support.h"

/* a view as its attributes say, whatever they say */
typedef struct window {
    int64_t shape[2], strides[2], offset;
} window;

static ct_status window_infer(ct_call *call)
{
    const window *w = ct_call_attributes(call);
    return ct_view(call, w->shape, w->strides, 2, w->offset) ? CT_OK : CT_ERROR_RANGE;
}

static ct_status window_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)gy;
    gx[0] = ct_call_zero(call, 0);
    return CT_OK;
}

static const ct_op window_op = { .name = "window", .flags = CT_OP_VIEW,
                                 .attributes_size = sizeof(window), .infer = window_infer,
                                 .vjp = window_vjp };

START_TEST(inside)
{
    ct_tensor *x = ct_range(cx, CT_F64, 6), *y;
    y = ct_apply(&window_op, &(window){ { 2, 3 }, { 3, 1 }, 0 }, &x, 1);
    expect_values(y, CT_DOUBLES(0, 1, 2, 3, 4, 5), 0);
    y = ct_apply(&window_op, &(window){ { 2, 3 }, { -3, -1 }, 5 }, &x, 1);
    expect_values(y, CT_DOUBLES(5, 4, 3, 2, 1, 0), 0);
    y = ct_apply(&window_op, &(window){ { 2, 2 }, { 0, 5 }, 0 }, &x, 1);
    expect_values(y, CT_DOUBLES(0, 5, 0, 5), 0);
    y = ct_apply(&window_op, &(window){ { 1, 2 }, { 3, 1 }, 0 }, &x, 1);
    y = ct_apply(&window_op, &(window){ { 1, 2 }, { 3, 1 }, 1 }, &y, 1);
    ck_assert_ptr_null(y); /* inside of the buffer, but not of its x0 */
    expect_error(CT_ERROR_RANGE, "window", "outside", "(1,2)", NULL);
}
END_TEST

START_TEST(outside)
{
    static const window wrong[] = {
        { { 2, 3 }, { 3, 1 }, 1 },  { { 2, 3 }, { 3, 1 }, -1 },
        { { 2, 2 }, { -1, 1 }, 0 }, { { 1, 1 }, { 0, 0 }, 6 },
        { { 2, 2 }, { INT64_MAX, 1 }, 0 },  { { 2, 2 }, { INT64_MAX / 2, INT64_MAX / 2 + 2 }, 0 },
        { { 3, 2 }, { INT64_MIN, 1 }, 0 },  { { 3, 2 }, { INT64_MAX, 1 }, 0 },
        { { 2, 3 }, { 1, 1 }, INT64_MAX },  { { 2, 2 }, { 1, 1 }, INT64_MIN },
        { { 2, 2 }, { INT64_MIN / 2 - 1, INT64_MIN / 2 - 1 }, 0 }
    };
    ct_tensor *x = ct_range(cx, CT_F64, 6), *none = ct_zeros(cx, CT_F64, CT_SHAPE(0));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(ct_apply(&window_op, &wrong[i], &x, 1));
        expect_error(CT_ERROR_RANGE, "window", "outside of its tensor", "(6)", NULL);
    }
    ck_assert_ptr_null(ct_apply(&window_op, &(window){ { 1, 1 }, { 1, 1 }, 0 }, &none, 1));
    expect_error(CT_ERROR_RANGE, "window", "(0)", NULL);
    ct_tensor *empty = ct_apply(&window_op, &(window){ { 0, 3 }, { 7, 7 }, 99 }, &x, 1);
    ck_assert_int_eq(ct_count(empty), 0); /* of nothing, anywhere */
    ck_assert_str_eq(ct_text(empty), "f64 (0,3) []");
}
END_TEST

START_TEST(of_one_element_any_stride_will_do)
{
    ct_tensor *x = ct_range(cx, CT_F64, 6);
    ct_tensor *y = ct_apply(&window_op, &(window){ { 1, 6 }, { INT64_MAX, 1 }, 0 }, &x, 1);
    ck_assert(ct_is_contiguous(y));
    ck_assert_str_eq(ct_text(y), "f64 (1,6) [[0, 1, 2, 3, 4, 5]]");
    ck_assert_double_eq(ct_at(ct_transpose(y), CT_INDEX(5, 0)), 5);
    expect_values(ct_add(ct_transpose(y), y), CT_DOUBLES(0, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6, 2, 3,
                  4, 5, 6, 7, 3, 4, 5, 6, 7, 8, 4, 5, 6, 7, 8, 9, 5, 6, 7, 8, 9, 10), 0);
}
END_TEST

START_TEST(one_buffer)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2, 3));
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = ct_transpose(ct_slice(x, 1, 1, 3, 1));
    ck_assert_int_eq(ct_set(y, CT_INDEX(0, 1), 7), CT_OK);
    expect_values(x, CT_DOUBLES(0, 0, 0, 0, 7, 0), 0);
    ct_scope_end(cx, scope);
    expect_values(x, CT_DOUBLES(0, 0, 0, 0, 7, 0), 0);
    scope = ct_scope_begin(cx);
    y = ct_scope_return(cx, scope, ct_select(ct_ones(cx, CT_F64, CT_SHAPE(2, 2)), 0, 1));
    expect_values(y, CT_DOUBLES(1, 1), 0); /* the buffer lives as long as a view of it */
}
END_TEST

/* a write through one view is seen by what saved another */
START_TEST(one_version)
{
    ct_tensor *w = ct_ones(cx, CT_F64, CT_SHAPE(2, 2)), *x = ct_variable(ct_scalar(cx, CT_F64, 3));
    ct_tensor *y = ct_sum(ct_mul(x, ct_select(w, 0, 0)));
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_int_eq(ct_fill(ct_select(ct_transpose(w), 0, 1), 2), CT_OK);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "mul", "fill", NULL);
    ck_assert_double_eq(ct_item(ct_gradient(x)), 2);
}
END_TEST

START_TEST(repeated_elements_are_read_only)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(3, 1));
    ct_tensor *wide = ct_broadcast_to(x, CT_SHAPE(3, 4));
    ck_assert_ptr_null(ct_data_mutable(ct_transpose(wide)));
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ck_assert_int_eq(ct_assign(wide, ct_scalar(cx, CT_F64, 1)), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "assign", "read-only", NULL);
    ck_assert_int_eq(ct_fill(ct_broadcast_to(x, CT_SHAPE(3, 1)), 2), CT_OK); /* nothing repeated */
    expect_values(wide, CT_DOUBLES(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2), 0);
}
END_TEST

/* overlapping elements are read-only too; elements that are only permuted, reversed or cut out are
 * not */
START_TEST(overlapping_elements_are_read_only)
{
    static const window shared[] = { { { 3, 2 }, { 1, 1 }, 0 }, { { 2, 3 }, { 2, 1 }, 0 },
                                     { { 2, 3 }, { -1, -1 }, 5 }, { { 2, 2 }, { 0, 3 }, 0 } };
    static const window apart[] = { { { 3, 2 }, { 1, 3 }, 0 }, { { 2, 3 }, { -3, -1 }, 5 },
                                    { { 2, 2 }, { 4, 1 }, 0 }, { { 1, 3 }, { 0, 2 }, 0 },
                                    { { 2, 1 }, { 3, INT64_MIN }, 0 } };
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(6));
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        ct_tensor *y = ct_apply(&window_op, &shared[i], &x, 1);
        ck_assert_int_eq(ct_fill(y, 1), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "fill", "read-only", NULL);
    }
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        ck_assert_int_eq(ct_fill(ct_apply(&window_op, &apart[i], &x, 1), 1), CT_OK);
}
END_TEST

Suite *view_suite(void);
Suite *view_suite(void)
{
    return make_suite("autograd/view", (const TTest *[]){
        inside, outside, of_one_element_any_stride_will_do, one_buffer, one_version,
        repeated_elements_are_read_only, overlapping_elements_are_read_only, NULL });
}
