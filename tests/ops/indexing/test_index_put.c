/* ops/indexing/index_put.c: index and index_put by several lists of indices, against loops. */
#include "support.h"

static ct_tensor *ints(const int64_t *values, int n)
{
    return ct_from_ints(cx, CT_SHAPE(n), values, n);
}

/* x (3,4,2), of which the first n axes are indexed by lists that broadcast to (5,6) */
typedef struct lists {
    ct_tensor *x, *index[3];
    int n;
} lists;

static lists some_lists(int n)
{
    const int64_t sizes[] = { 3, 4, 2 };
    lists l = { ct_variable(ct_permute(ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 4)), CT_AXES(1, 2, 0))),
                { NULL },
                n };
    l.index[0] = ct_randint(cx, -3, 3, CT_SHAPE(5, 6));
    l.index[1] = ct_randint(cx, -4, 4, CT_SHAPE(6));
    l.index[2] = ct_transpose(ct_randint(cx, -sizes[2], sizes[2], CT_SHAPE(1, 5)));
    return l;
}

/* the place in x that place k of the indices names, and the rest of it from `more` */
static void place_of(const lists *l, int64_t k, int64_t more, int64_t at[3])
{
    const int64_t whole[] = { k / 6, k % 6 }, sizes[] = { 3, 4, 2 };
    for (int d = 2; d >= l->n; more /= sizes[d--])
        at[d] = more % sizes[d];
    for (int d = 0; d < l->n; d++) {
        const int64_t of[3][2] = { { whole[0], whole[1] }, { whole[1], 0 }, { whole[0], 0 } };
        at[d] = (int64_t)ct_at(l->index[d], of[d], d == 1 ? 1 : 2);
        at[d] += at[d] < 0 ? sizes[d] : 0;
    }
}

START_TEST(takes_by_lists)
{
    for (int n = 1; n <= 3; n++) {
        lists l = some_lists(n);
        const int64_t shapes[][4] = { { 0 }, { 5, 6, 4, 2 }, { 5, 6, 2 }, { 5, 6 } };
        int64_t rest = n == 1 ? 8 : n == 2 ? 2 : 1, at[3];
        ct_tensor *y = ct_index(l.x, l.index, n), *g[2], *gg;
        expect_shape(y, shapes[n], 5 - n);
        ct_tensor *flat = ct_flatten(y, 0, -1), *gy = ct_randn(cx, CT_F64, CT_SHAPE(30 * rest));
        double want[24] = { 0 };
        for (int64_t k = 0; k < 30 * rest; k++) {
            place_of(&l, k / rest, k % rest, at);
            ck_assert(ct_at(flat, CT_INDEX(k)) == ct_at(l.x, at, 3));
            want[(at[0] * 4 + at[1]) * 2 + at[2]] += ct_at(gy, CT_INDEX(k));
        }
        for (unsigned k = 0; k < 2; k++) {
            ck_assert_int_eq(ct_grad(flat, gy, &l.x, 1, k ? CT_CREATE_GRAPH : 0, &g[k]), CT_OK);
            expect_values(g[k], want, 24, 1e-14);
        }
        ct_tensor *sum = ct_sum(ct_square(flat));
        ck_assert_int_eq(ct_grad(sum, NULL, &l.x, 1, CT_CREATE_GRAPH, &g[0]), CT_OK);
        ck_assert_int_eq(ct_grad(ct_sum(g[0]), NULL, &l.x, 1, 0, &gg), CT_OK);
        ck_assert_double_le(fabs(ct_item(ct_sum(gg)) - 2 * 30 * (double)rest), 1e-12);
    }
}
END_TEST

/* a value for each place, or one for several of them: written, the last one stays; added, all do */
START_TEST(puts_by_lists)
{
    for (int t = 0; t < 12; t++) {
        bool accumulate = t % 2;
        int n = t / 2 % 3 + 1, wide = t / 6;
        lists l = some_lists(n);
        int64_t rest = n == 1 ? 8 : n == 2 ? 2 : 1, at[3];
        const int64_t shapes[][4] = { { 0 }, { 5, 6, 4, 2 }, { 5, 6, 2 }, { 5, 6 } };
        ct_tensor *v = ct_randn(cx, CT_F64, CT_SHAPE(5, 1)), *g[2];
        if (n > 1 || wide)
            v = ct_randn(cx, CT_F64, shapes[n], 5 - n);
        if (n == 1 && !wide)
            v = ct_randn(cx, CT_F64, CT_SHAPE(4, 1));
        v = ct_variable(v);
        ct_tensor *y = ct_index_put(l.x, l.index, n, v, accumulate);
        ct_tensor *gy = ct_randn(cx, CT_F64, CT_SHAPE(3, 4, 2));
        ck_assert_int_eq(
            ct_grad(y, gy, (ct_tensor *[]){ l.x, v }, 2, t & 4 ? CT_CREATE_GRAPH : 0, g), CT_OK);
        ct_tensor *all = ct_expand(v, shapes[n], 5 - n);
        double want[24], gx[24], gv[240] = { 0 };
        int last[24];
        for (int i = 0; i < 24; i++) {
            const int64_t here[] = { i / 8, i / 2 % 4, i % 2 };
            want[i] = ct_at(l.x, here, 3), gx[i] = ct_at(gy, here, 3), last[i] = -1;
        }
        for (int64_t k = 0; k < 30 * rest; k++) {
            place_of(&l, k / rest, k % rest, at);
            int64_t to = (at[0] * 4 + at[1]) * 2 + at[2];
            double value = ct_at(ct_flatten(all, 0, -1), CT_INDEX(k));
            want[to] = accumulate ? want[to] + value : value;
            if (last[to] >= 0 && !accumulate)
                gv[last[to]] = 0;
            gv[k] = ct_at(gy, at, 3);
            gx[to] = accumulate ? gx[to] : 0;
            last[to] = (int)k;
        }
        expect_values(y, want, 24, 1e-14);
        expect_values(g[0], gx, 24, 0);
        ct_tensor *whole = ct_from_doubles(cx, CT_F64, shapes[n], 5 - n, gv, 30 * rest);
        ck_assert_double_le(ct_max_difference(g[1], ct_sum_to(whole, ct_shape(v), ct_ndim(v))),
                            1e-14);
    }
}
END_TEST

START_TEST(small_ones)
{
    ct_tensor *x = ct_range(cx, CT_I64, 6), *one = ct_from_ints(cx, NULL, 0, CT_INTS(-2));
    ck_assert_int_eq(ct_item_int(ct_index(x, &one, 1)), 4);
    ck_assert_int_eq(ct_ndim(ct_index(x, &one, 1)), 0);
    ct_tensor *m = ct_reshape(x, CT_SHAPE(2, 3)), *none = ints(NULL, 0), *row = ints(CT_INTS(0));
    expect_shape(ct_index(m, &none, 1), CT_SHAPE(0, 3));
    expect_values(ct_index_put(m, &none, 1, ct_scalar(cx, CT_I64, 7), true),
                  CT_DOUBLES(0, 1, 2, 3, 4, 5), 0);
    expect_values(ct_index_put(m, &row, 1, ct_scalar(cx, CT_I64, 7), false),
                  CT_DOUBLES(7, 7, 7, 3, 4, 5), 0);
    ct_tensor *truth = ct_index_put(ct_zeros(cx, CT_BOOL, CT_SHAPE(2, 2)),
                                    CT_TENSORS(ints(CT_INTS(0, 1)), ints(CT_INTS(1, 0))),
                                    ct_ones(cx, CT_BOOL, CT_SHAPE(1)), false);
    expect_values(truth, CT_DOUBLES(0, 1, 1, 0), 0);
    ct_tensor *most = ct_reshape(ct_range(cx, CT_F32, 16), CT_SHAPE(1, 2, 1, 2, 1, 2, 1, 2));
    ct_tensor *zero = ct_zeros(cx, CT_I64, NULL, 0);
    ct_tensor *eight[] = { zero, one, zero, one, zero, one, zero, one };
    ck_assert(ct_item(ct_index(most, eight, 8)) == 0);
    expect_shape(ct_index(most, &zero, 1), CT_SHAPE(2, 1, 2, 1, 2, 1, 2));
    expect_shape(ct_index(most, &row, 1), CT_SHAPE(1, 2, 1, 2, 1, 2, 1, 2));
    ct_tensor *vast = ct_zeros(cx, CT_F32, CT_SHAPE((int64_t)1 << 52, 3, 0));
    expect_shape(ct_index(vast, CT_TENSORS(row, row)), CT_SHAPE(1, 0));
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1"),
              *v = ct_scalar(cx, CT_F32, 1);
    ct_tensor *two = ints(CT_INTS(0, 1)), *three = ints(CT_INTS(0, 1, 3));
    ck_assert_ptr_null(ct_index(x, CT_TENSORS(ct_unsqueeze(two, 1), three)));
    expect_error(CT_ERROR_RANGE,
                 "index: index 3 at (2) is out of range for size 3 of axis 1: "
                 "w1 (2,3) x (2,1) x (3)",
                 NULL);
    ck_assert_ptr_null(ct_index(x, CT_TENSORS(two, three)));
    expect_error(CT_ERROR_SHAPE, "index: the indices do not broadcast: w1 (2,3) x (2) x (3)", NULL);
    ck_assert_ptr_null(ct_index(x, CT_TENSORS(two, two, two)));
    expect_error(CT_ERROR_RANGE, "index: there must be at most 2 indices, got 3", NULL);
    ck_assert_ptr_null(ct_index(x, CT_TENSORS(two, v)));
    expect_error(CT_ERROR_DTYPE, "index: index 2 must be i64; ct_cast it", NULL);
    ck_assert_ptr_null(ct_index(x, NULL, 1));
    expect_error(CT_ERROR_NULL, "index: there must be a list of 1 to 8 indices, got 1 and NULL",
                 NULL);
    ck_assert_ptr_null(ct_index(x, &two, 0));
    expect_error(CT_ERROR_RANGE, "index: there must be a list of 1 to 8 indices, got 0", NULL);
    ck_assert_ptr_null(ct_index(x, CT_TENSORS(NULL, two)));
    expect_error(CT_ERROR_NULL, "index: operand 2 is NULL", NULL);
    ct_tensor *most = ct_zeros(cx, CT_I64, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    ck_assert_ptr_null(ct_index(x, &most, 1));
    expect_error(CT_ERROR_RANGE, "index: 9 dimensions; 0 to 8 are possible", NULL);
    ck_assert_ptr_null(ct_index_put(x, &two, 1, ct_ones(cx, CT_F32, CT_SHAPE(2, 2)), false));
    expect_error(CT_ERROR_SHAPE, "index_put: the value does not broadcast to x[indices]", NULL);
    ck_assert_ptr_null(ct_index_put(x, &two, 1, ct_ones(cx, CT_F32, CT_SHAPE(1, 2, 3)), false));
    expect_error(CT_ERROR_SHAPE, "index_put: the value does not broadcast", NULL);
    ck_assert_ptr_null(ct_index_put(x, &two, 1, ct_scalar(cx, CT_F64, 1), false));
    expect_error(CT_ERROR_DTYPE, "index_put: dtypes differ; ct_cast one", NULL);
    ck_assert_ptr_null(ct_index_put(x, &three, 1, v, true));
    expect_error(CT_ERROR_RANGE, "index_put: index 3 at (2) is out of range for size 2 of axis 0",
                 NULL);
    ct_tensor *bools = ct_ones(cx, CT_BOOL, CT_SHAPE(2));
    ck_assert_ptr_null(ct_index_put(bools, &two, 1, bools, true));
    expect_error(CT_ERROR_DTYPE, "index_put: bool has no sums", NULL);
    ck_assert_ptr_null(ct_index_put(x, &two, 1, NULL, true));
    expect_error(CT_ERROR_NULL, "index_put: operand 2 is NULL", NULL);
    ck_assert_ptr_null(ct_index_put(NULL, &two, 1, v, true));
    expect_ok();
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3))), *g;
    ct_tensor *index = ct_from_ints(c, CT_SHAPE(2), CT_INTS(1, 1));
    ct_tensor *y = ct_index_put(x, CT_TENSORS(index, index),
                                ct_slice(ct_select(x, 0, 0), 0, 0, 2, 1), false);
    y = ct_index(ct_index_put(y, &index, 1, ct_select(x, 0, 1), true), CT_TENSORS(index));
    ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g);
    ct_backward(ct_sum(y));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *index_put_suite(void);
Suite *index_put_suite(void)
{
    return make_suite("index_put",
                      (const TTest *const[]){ takes_by_lists, puts_by_lists, small_ones, errors,
                                              out_of_memory, NULL });
}
