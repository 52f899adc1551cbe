/* Making tensors, asking and reading them. */
#include "support.h"

START_TEST(making)
{
    expect_values(ct_zeros(cx, CT_F32, CT_SHAPE(2)), CT_DOUBLES(0, 0), 0);
    expect_values(ct_ones(cx, CT_BOOL, CT_SHAPE(2)), CT_DOUBLES(1, 1), 0);
    expect_values(ct_full(cx, CT_I64, CT_SHAPE(2), -7), CT_DOUBLES(-7, -7), 0);
    expect_values(ct_eye(cx, CT_F64, 2), CT_DOUBLES(1, 0, 0, 1), 0);
    expect_values(ct_range(cx, CT_I64, 3), CT_DOUBLES(0, 1, 2), 0);
    expect_values(ct_linspace(cx, CT_F64, -1, 1, 3), CT_DOUBLES(-1, 0, 1), 0);
    expect_values(ct_linspace(cx, CT_F64, 5, 9, 1), CT_DOUBLES(5), 0);
    expect_values(ct_scalar_like(ct_zeros(cx, CT_F32, CT_SHAPE(3)), 0.5), CT_DOUBLES(0.5), 0);
    expect_values(ct_ones_like(ct_zeros(cx, CT_I64, CT_SHAPE(1, 2))), CT_DOUBLES(1, 1), 0);
    ck_assert(signbit(ct_item(ct_scalar(cx, CT_F64, -0.0))));
    ck_assert_int_eq(ct_count(ct_zeros(cx, CT_F64, CT_SHAPE(3, 0, 2))), 0);
    ck_assert_int_eq(ct_item_int(ct_from_ints(cx, NULL, 0, CT_INTS(INT64_MAX))) == INT64_MAX, 1);
    ck_assert_int_eq(ct_item_int(ct_scalar(cx, CT_BOOL, 1)), 1);
}
END_TEST

START_TEST(sizes_and_shapes)
{
    char room[CT_SHAPE_TEXT];
    ck_assert_uint_eq(ct_dtype_size(CT_F32), sizeof(float));
    ck_assert_uint_eq(ct_dtype_size(CT_F64), sizeof(double));
    ck_assert_uint_eq(ct_dtype_size(CT_I64), sizeof(int64_t));
    ck_assert_uint_eq(ct_dtype_size(CT_BOOL), 1);
    ck_assert_uint_eq(ct_dtype_size((ct_dtype)0), 0);
    ck_assert_uint_eq(ct_dtype_size((ct_dtype)(CT_BOOL + 1)), 0);
    ck_assert_str_eq(ct_shape_text(ct_zeros(cx, CT_F32, CT_SHAPE(3, 0, 4)), room), "(3,0,4)");
    ck_assert_str_eq(ct_shape_text(ct_scalar(cx, CT_F32, 1), room), "()");
    ck_assert_str_eq(ct_shape_text(NULL, room), "(null)");
    int64_t longest[CT_MAX_DIMS], strides[CT_MAX_DIMS] = { 0 };
    for (int d = 0; d < CT_MAX_DIMS; d++)
        longest[d] = d == 7 ? 0 : 1;
    longest[0] = (int64_t)1 << 56;
    ct_tensor *x = ct_borrow(cx, CT_BOOL, longest, CT_MAX_DIMS, room,
                             &(ct_borrow_options){ .strides = strides });
    ck_assert_str_eq(ct_shape_text(x, room), "(72057594037927936,1,1,1,1,1,1,0)");
}
END_TEST

static void expect_broadcast(const int64_t *a, int n, const int64_t *b, int m, const char *want)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = 0;
    char room[CT_SHAPE_TEXT];
    ck_assert(ct_broadcast_shape(shape, &ndim, a, n));
    bool is = ct_broadcast_shape(shape, &ndim, b, m);
    ck_assert_int_eq(is, want != NULL);
    if (is)
        ck_assert_str_eq(ct_shape_text(ct_zeros(cx, CT_BOOL, shape, ndim), room), want);
}

START_TEST(shapes_broadcast)
{
    expect_broadcast(CT_SHAPE(2, 3), CT_SHAPE(3), "(2,3)");
    expect_broadcast(CT_SHAPE(3), CT_SHAPE(2, 1), "(2,3)");
    expect_broadcast(CT_SHAPE(4, 1, 1), CT_SHAPE(5, 1), "(4,5,1)");
    expect_broadcast(NULL, 0, CT_SHAPE(2), "(2)");
    expect_broadcast(CT_SHAPE(2), NULL, 0, "(2)");
    expect_broadcast(CT_SHAPE(1, 3), CT_SHAPE(0, 1), "(0,3)");
    expect_broadcast(CT_SHAPE(0), CT_SHAPE(2), NULL);
    expect_broadcast(CT_SHAPE(2, 3), CT_SHAPE(2), NULL);
}
END_TEST

START_TEST(bad_shapes)
{
    ck_assert_ptr_null(ct_zeros(cx, CT_F64, CT_SHAPE(2, -3)));
    expect_error(CT_ERROR_SHAPE, "zeros", "negative", "(2,-3)", NULL);
    ck_assert_ptr_null(ct_zeros(cx, CT_F64, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1)));
    expect_error(CT_ERROR_RANGE, "9 dimensions", "8", NULL);
    ck_assert_ptr_nonnull(ct_zeros(cx, CT_F64, CT_SHAPE(1, 2, 1, 1, 1, 2, 1, 1)));
    ck_assert_ptr_null(ct_empty(cx, CT_F64, CT_SHAPE(INT64_MAX / 2, 2)));
    expect_error(CT_ERROR_SHAPE, "empty: (4611686018427387903,2) is too large", NULL);
    ck_assert_ptr_null(ct_zeros(cx, CT_F32, CT_SHAPE(0, (int64_t)1 << 30, (int64_t)1 << 25)));
    expect_error(CT_ERROR_SHAPE, "zeros: (0,1073741824,33554432) is too large", NULL);
    ck_assert_ptr_nonnull(ct_zeros(cx, CT_F32, CT_SHAPE(0, (int64_t)1 << 30, (int64_t)1 << 24)));
    ck_assert_ptr_null(ct_empty(cx, CT_BOOL, CT_SHAPE((int64_t)1 << 56)));
    expect_error(CT_ERROR_MEMORY, "out of memory", NULL);
    ck_assert_ptr_null(ct_zeros(cx, CT_F64, NULL, 2));
    expect_error(CT_ERROR_NULL, "shape", NULL);
    ck_assert_ptr_null(ct_zeros(cx, (ct_dtype)0, CT_SHAPE(2)));
    expect_error(CT_ERROR_DTYPE, "0 is not a dtype", NULL);
    ck_assert_ptr_null(ct_full(cx, CT_I64, CT_SHAPE(2), INFINITY));
    expect_error(CT_ERROR_VALUE, "full", "inf", NULL);
    ck_assert_ptr_null(ct_from_doubles(cx, CT_I64, CT_SHAPE(2), CT_DOUBLES(1, NAN)));
    expect_error(CT_ERROR_VALUE, "from_doubles", "nan", NULL);
    ck_assert_ptr_null(ct_linspace(cx, CT_I64, 0, 1, 2));
    expect_error(CT_ERROR_DTYPE, "linspace", "i64", NULL);
    ck_assert_ptr_null(ct_eye(cx, CT_F64, -1));
    expect_error(CT_ERROR_SHAPE, "eye", NULL);
}
END_TEST

/* no elements, whatever the other sizes are */
START_TEST(empty_shapes)
{
    const int64_t root = 1 << 26, most = CT_MAX_BYTES / 8;
    const int64_t shapes[][3] = {
        { 0, root, root }, { root, 0, root }, { root, root, 0 }, { 1, most, 0 }, { 0, 3, 2 },
    };
    for (int i = 0; i < 5; i++) {
        ct_tensor *x = ct_zeros(cx, CT_F64, shapes[i], 3);
        expect_shape(x, shapes[i], 3);
        ck_assert_int_eq(ct_count(x), 0);
        ck_assert(ct_is_contiguous(x));
        for (int d = 0; d < 3; d++) {
            ck_assert_int_ge(ct_strides(x)[d], 0); /* and all of the axis can be passed over */
            ck_assert(ct_strides(x)[d] == 0 || ct_size(x, d) <= INT64_MAX / 8 / ct_strides(x)[d]);
        }
        ct_text(x);
        ck_assert_int_eq(ct_to_doubles(x, NULL, 0), CT_OK);
        ck_assert_double_eq(ct_item(ct_sum(ct_exp(x))), 0);
        expect_shape(ct_transpose(x), CT_SHAPE(shapes[i][0], shapes[i][2], shapes[i][1]));
        ck_assert_int_eq(ct_count(ct_contiguous(ct_transpose(x))), 0);
        ck_assert_int_eq(ct_count(ct_borrow(cx, CT_F64, shapes[i], 3, NULL, NULL)), 0);
    }
    ck_assert_int_eq(ct_strides(ct_zeros(cx, CT_F64, CT_SHAPE(0, 3, 2)))[0], 6);
    expect_ok();
}
END_TEST

START_TEST(asking)
{
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(2, 3, 4)), *t = ct_transpose(x);
    ck_assert_int_eq(ct_size(x, -1), 4);
    ck_assert_int_eq(ct_size(t, 1), 4);
    ck_assert_int_eq(ct_strides(t)[2], 4);
    ck_assert(ct_is_contiguous(x) && !ct_is_contiguous(t));
    ck_assert(!ct_same_shape(x, t) && ct_same_shape(x, ct_zeros_like(x)));
    ck_assert_int_eq(ct_size(x, 3), -1);
    expect_error(CT_ERROR_RANGE, "axis 3", "3 dimensions", NULL);
    ck_assert_ptr_eq(ct_context_of(x), cx);
    ck_assert_int_eq(ct_dtype_of(NULL), 0);
    ck_assert_int_eq(ct_ndim(NULL), -1);
    ck_assert_int_eq(ct_count(NULL), -1);
    ck_assert_int_eq(ct_size(NULL, 0), -1);
    ck_assert_ptr_null(ct_shape(NULL));
    ck_assert_ptr_null(ct_context_of(NULL));
    ck_assert(!ct_same_shape(x, NULL) && !ct_requires_grad(NULL));
}
END_TEST

START_TEST(reading)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3), CT_DOUBLES(1, 2, 3, 4, 5, 6));
    double out[6];
    float same[6];
    ck_assert_double_eq(ct_at(x, CT_INDEX(-1, 0)), 4);
    ck_assert(isnan(ct_at(x, CT_INDEX(2, 0))));
    expect_error(CT_ERROR_RANGE, "at", "index 2", "axis 0", "(2,3)", NULL);
    ck_assert(isnan(ct_item(x)));
    expect_error(CT_ERROR_SHAPE, "item", "(2,3)", "6 elements", NULL);
    ck_assert_int_eq(ct_item_int(ct_scalar(cx, CT_F32, 1)), -1);
    expect_error(CT_ERROR_DTYPE, "item_int", "f32", NULL);
    ck_assert_int_eq(ct_to_doubles(ct_transpose(x), out, 6), CT_OK);
    ck_assert_double_eq(out[1], 4);
    ck_assert_int_eq(ct_to_doubles(x, out, 5), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "to_doubles", "5", "6", NULL);
    ck_assert_int_eq(ct_to_memory(ct_transpose(x), same, sizeof same), CT_OK);
    ck_assert_double_eq(same[1], 4);
    ck_assert_int_eq(ct_to_memory(x, same, 3), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "to_memory", NULL);
    ck_assert_ptr_eq(ct_data_f32(x), ct_data(x));
    ck_assert_ptr_null(ct_data_f64(x));
    expect_error(CT_ERROR_DTYPE, "data_f64", "f32", NULL);
    ck_assert_ptr_null(ct_data_f32(ct_transpose(x)));
    expect_error(CT_ERROR_DTYPE, "not contiguous", NULL);
    ck_assert_int_eq(ct_to_doubles(NULL, out, 6), CT_ERROR_NULL);
}
END_TEST

START_TEST(differences)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, INFINITY, -2));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1.5, INFINITY, -1));
    ck_assert_double_eq(ct_max_difference(a, b), 1);
    ck_assert(isnan(ct_max_difference(a, ct_zeros(cx, CT_F64, CT_SHAPE(2)))));
    ck_assert(isnan(ct_max_difference(a, ct_zeros(cx, CT_F32, CT_SHAPE(3)))));
    ck_assert(isnan(ct_max_difference(a, NULL)));
    ct_tensor *c = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(NAN, 0, 9));
    ck_assert(isnan(ct_max_difference(c, a)));
    expect_ok();
}
END_TEST

static double difference_of(int64_t a, int64_t b)
{
    return ct_max_difference(ct_from_ints(cx, NULL, 0, &a, 1), ct_from_ints(cx, NULL, 0, &b, 1));
}

START_TEST(differences_of_integers)
{
    ck_assert_double_eq(difference_of(9007199254740993, 9007199254740992), 1);
    ck_assert_double_eq(difference_of(-9007199254740993, -9007199254740992), 1);
    ck_assert_double_eq(difference_of(INT64_MAX, INT64_MIN), 0x1p64);
    ck_assert_double_eq(difference_of(INT64_MIN, INT64_MAX), 0x1p64);
    ck_assert_double_eq(difference_of(INT64_MIN, INT64_MIN), 0);
    ck_assert_double_eq(difference_of(INT64_MIN, INT64_MIN + 3), 3);
}
END_TEST

START_TEST(text)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3), CT_DOUBLES(1, 2, 3, 4, 5, 6));
    ck_assert_str_eq(ct_text(x), "f32 (2,3) [[1, 2, 3], [4, 5, 6]]");
    ck_assert_str_eq(ct_text(ct_transpose(x)), "f32 (3,2) [[1, 4], [2, 5], [3, 6]]");
    ck_assert_str_eq(ct_text(ct_scalar(cx, CT_F64, 0.1)), "f64 () 0.1");
    ck_assert_str_eq(ct_text(ct_ones(cx, CT_BOOL, CT_SHAPE(1, 1))), "bool (1,1) [[true]]");
    ck_assert_str_eq(ct_text(ct_zeros(cx, CT_F64, CT_SHAPE(0, 2))), "f64 (0,2) []");
    ck_assert_str_eq(ct_text(ct_from_ints(cx, CT_SHAPE(1), CT_INTS(INT64_MIN))),
                     "i64 (1) [-9223372036854775808]");
    ck_assert_str_eq(ct_text(NULL), "(null)");
    const char *cut = ct_text(ct_zeros(cx, CT_F32, CT_SHAPE(2, 1000)));
    ck_assert_ptr_nonnull(strstr(cut, "0], ... (1000 more)"));
}
END_TEST

/* whichever sign bit a NaN has */
START_TEST(nan_has_no_sign)
{
    double values[] = { NAN, -NAN, 1 };
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), values, 3);
    ck_assert_str_eq(ct_text(x), "f64 (3) [nan, nan, 1]");
    ck_assert_str_eq(ct_text(ct_cast(x, CT_F32)), "f32 (3) [nan, nan, 1]");
    ct_dropout(x, -NAN);
    const char *message = ct_error_text(cx);
    ck_assert_msg(strstr(message, "nan") && !strstr(message, "-nan"), "%s", message);
    ct_error_clear(cx);
    ct_fail(cx, CT_ERROR_VALUE, "%g (%g), x-nan -nano _-nan %g", -NAN, -NAN, -NAN);
    ck_assert_str_eq(ct_error_text(cx), "nan (nan), x-nan -nano _-nan nan");
    ct_error_clear(cx);
    ct_gradcheck_report report = { .verdict = CT_GRADCHECK_FAIL, .op = "", .analytic = -NAN,
                                   .numeric = -NAN, .compared = 1 };
    const char *text = ct_gradcheck_text(cx, &report);
    ck_assert_msg(strstr(text, "nan") && !strstr(text, "-nan"), "%s", text);
}
END_TEST

static void texts_of(ct_context *c)
{
    ct_tensor *x = ct_scalar(c, CT_F64, 1);
    if (ct_error(c))
        return;
    const char *text = ct_text(x);
    ck_assert(ct_error(c) ? text == NULL : strcmp(text, "f64 () 1") == 0);
    ct_gradcheck_report report = { .verdict = CT_GRADCHECK_FAIL, .op = "", .compared = 1 };
    text = ct_gradcheck_text(c, &report);
    ck_assert(ct_error(c) || text);
}

START_TEST(texts_without_memory)
{
    for_each_failing_allocation(texts_of);
}
END_TEST

START_TEST(names)
{
    ct_tensor *x = ct_named(ct_zeros(cx, CT_F64, CT_SHAPE(5, 2)), "w1");
    char name[] = "changed";
    ck_assert_str_eq(ct_name(x), "w1");
    ct_named(x, name);
    name[0] = 'C';
    ck_assert_str_eq(ct_name(x), "changed");
    ck_assert_str_eq(ct_name(NULL), "");
    ck_assert_ptr_null(ct_named(x, NULL));
    expect_error(CT_ERROR_NULL, "name", NULL);
    ct_matmul(ct_zeros(cx, CT_F64, CT_SHAPE(3, 4)), ct_named(x, "w1"));
    expect_error(CT_ERROR_SHAPE, "matmul", "(3,4) x w1 (5,2)", NULL);
}
END_TEST

static void make_and_read(ct_context *c)
{
    double out[4];
    ct_tensor *x = ct_named(ct_randn(c, CT_F64, CT_SHAPE(2, 2)), "x");
    ct_text(ct_transpose(x));
    ct_to_doubles(x, out, x ? 4 : 0);
    ct_tensor *mine = ct_borrow(c, CT_F64, CT_SHAPE(4), out, NULL);
    ct_assign(mine, mine);
    ct_retain(mine);
    ct_scope scope = ct_scope_begin(c);
    ct_scope_return(c, scope, ct_detach(x));
    ct_object_new(c, 64, NULL);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(make_and_read);
}
END_TEST

Suite *tensor_suite(void);
Suite *tensor_suite(void)
{
    return make_suite("autograd/tensor", (const TTest *[]){
        making, sizes_and_shapes, shapes_broadcast, bad_shapes, empty_shapes, asking, reading,
        differences, differences_of_integers, text, nan_has_no_sign, texts_without_memory, names,
        every_allocation_fails_once, NULL });
}
