/* ops/indexing/scatter.c and index_add of index_select.c: values by naive loops, places that are named
 * twice, gradients, messages. */
#include "support.h"

static ct_tensor *ints(const int64_t *values, int n)
{
    return ct_from_ints(cx, CT_SHAPE(n), values, n);
}

typedef enum kind { SET, ADD, MAX } kind;

static ct_tensor *scattered(kind k, ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source)
{
    return k == SET   ? ct_scatter(x, axis, index, source)
           : k == ADD ? ct_scatter_add(x, axis, index, source)
                      : ct_scatter_max(x, axis, index, source);
}

/* along each axis of three, strided x, index and source: against loops, and the gradients too. The
 * source that stays in a place is the last one, or each of the largest. */
START_TEST(scatters_along_any_axis)
{
    for (int t = 0; t < 9; t++) {
        kind k = (kind)(t % 3);
        int axis = t / 3;
        int64_t shape[] = { 3, 4, 2 }, size = shape[axis], length = 5;
        const int64_t turned[] = { 2, 3, 4 };
        ct_tensor *x = ct_permute(ct_randint(cx, -3, 4, turned, 3), CT_AXES(1, 2, 0)), *g[2];
        shape[axis] = length;
        const int64_t from[] = { shape[2], shape[0], shape[1] };
        ct_tensor *index = ct_permute(ct_randint(cx, -size, size, from, 3), CT_AXES(1, 2, 0));
        ct_tensor *source = ct_permute(ct_randint(cx, -3, 4, from, 3), CT_AXES(1, 2, 0));
        ct_tensor *v[] = { ct_variable(ct_cast(x, CT_F64)), ct_variable(ct_cast(source, CT_F64)) };
        ct_tensor *y = scattered(k, v[0], axis - 3, index, v[1]);
        ct_tensor *whole = scattered(k, x, axis, index, source);
        ck_assert_double_le(ct_max_difference(ct_cast(whole, CT_F64), y), 0);
        ct_tensor *gy = ct_randn(cx, CT_F64, ct_shape(y), 3);
        ck_assert_int_eq(ct_grad(y, gy, v, 2, t % 2 ? CT_CREATE_GRAPH : 0, g), CT_OK);
        for (int64_t i = 0; i < 24; i++) {
            const int64_t at[] = { i / 8, i / 2 % 4, i % 2 };
            double best = ct_at(x, at, 3), count = 1, last = -1;
            for (int64_t j = 0; j < length; j++) {
                int64_t to[] = { at[0], at[1], at[2] };
                to[axis] = j;
                double here = ct_at(source, to, 3);
                if ((int64_t)(ct_at(index, to, 3) + (double)size) % size != at[axis])
                    continue;
                count = k == MAX && here == best ? count + 1 : k == MAX && here > best ? 1 : count;
                best = k == SET ? here : k == ADD ? best + here : fmax(best, here);
                last = (double)j;
            }
            ck_assert(ct_at(y, at, 3) == best);
            double own = k == SET ? last < 0 : k == ADD || ct_at(x, at, 3) == best;
            double share = ct_at(gy, at, 3) / count;
            ck_assert_double_le(fabs(ct_at(g[0], at, 3) - own * share), 1e-15);
            for (int64_t j = 0; j < length; j++) {
                int64_t to[] = { at[0], at[1], at[2] };
                to[axis] = j;
                if ((int64_t)(ct_at(index, to, 3) + (double)size) % size != at[axis])
                    continue;
                own = k == SET ? (double)j == last : k == ADD || ct_at(source, to, 3) == best;
                ck_assert_double_le(fabs(ct_at(g[1], to, 3) - own * share), 1e-15);
            }
        }
    }
}
END_TEST

START_TEST(the_last_one_stays)
{
    ct_tensor *x = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(2))), *g[2];
    ct_tensor *v = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(1, 2, 3, 4)));
    ct_tensor *y = ct_scatter(x, 0, ints(CT_INTS(1, -1, 1, -1)), v), *gg;
    expect_values(y, CT_DOUBLES(0, 4), 0);
    ck_assert_int_eq(
        ct_grad(ct_sum(ct_square(y)), NULL, (ct_tensor *[]){ x, v }, 2, CT_CREATE_GRAPH, g), CT_OK);
    expect_values(g[0], CT_DOUBLES(0, 0), 0);
    expect_values(g[1], CT_DOUBLES(0, 0, 0, 8), 0);
    ck_assert_int_eq(ct_grad(ct_sum(g[1]), NULL, &v, 1, 0, &gg), CT_OK);
    expect_values(gg, CT_DOUBLES(0, 0, 0, 2), 0);
    ct_tensor *truth = ct_scatter(ct_zeros(cx, CT_BOOL, CT_SHAPE(3)), 0, ints(CT_INTS(1)),
                                  ct_ones(cx, CT_BOOL, CT_SHAPE(1)));
    expect_values(truth, CT_DOUBLES(0, 1, 0), 0);
}
END_TEST

START_TEST(the_largest_stays)
{
    const double inf = INFINITY;
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(5), CT_DOUBLES(1, NAN, 3, -inf, 0)), *g[2];
    ct_tensor *v = ct_from_doubles(cx, CT_F64, CT_SHAPE(6), CT_DOUBLES(NAN, 7, NAN, -inf, 3, 3));
    ct_tensor *xs[] = { ct_variable(x), ct_variable(v) };
    ct_tensor *y = ct_scatter_max(x, 0, ints(CT_INTS(0, 1, 1, 3, 2, 2)), v);
    expect_values(y, CT_DOUBLES(NAN, NAN, 3, -inf, 0), 0);
    for (unsigned k = 0; k < 2; k++) {
        ck_assert_int_eq(
            ct_grad(y, ct_full(cx, CT_F64, CT_SHAPE(5), 6), xs, 2, k ? CT_CREATE_GRAPH : 0, g),
            CT_OK);
        expect_values(g[0], CT_DOUBLES(0, 3, 2, 3, 6), 1e-15);
        expect_values(g[1], CT_DOUBLES(6, 0, 3, 3, 2, 2), 1e-15);
    }
    ct_tensor *least = ct_scatter_max(ints(CT_INTS(INT64_MIN, 5)), 0, ints(CT_INTS(0, 1)),
                                      ints(CT_INTS(-1, INT64_MIN)));
    expect_values(least, CT_DOUBLES(-1, 5), 0);
}
END_TEST

START_TEST(adds_slabs)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3, 2))), *g[2];
    ct_tensor *v = ct_variable(ct_reshape(ct_range(cx, CT_F64, 8), CT_SHAPE(4, 2)));
    ct_tensor *index = ints(CT_INTS(2, 0, -1, 2));
    ct_tensor *y = ct_index_add(x, 0, index, v);
    expect_values(y, CT_DOUBLES(3, 4, 1, 1, 11, 14), 0);
    ct_tensor *gy = ct_reshape(ct_range(cx, CT_F64, 6), CT_SHAPE(3, 2));
    ck_assert_int_eq(ct_grad(y, gy, (ct_tensor *[]){ x, v }, 2, 0, g), CT_OK);
    expect_values(g[0], CT_DOUBLES(0, 1, 2, 3, 4, 5), 0);
    expect_values(g[1], CT_DOUBLES(4, 5, 0, 1, 4, 5, 4, 5), 0);
    y = ct_index_add(ct_transpose(x), -1, index, ct_transpose(v));
    expect_values(y, CT_DOUBLES(3, 1, 11, 4, 1, 14), 0);
    ct_tensor *counts = ct_index_add(ints(CT_INTS(7, INT64_MAX)), 0, ints(CT_INTS(1, 1)),
                                     ints(CT_INTS(1, 1)));
    ck_assert_int_eq(ct_item_int(ct_select(counts, 0, 1)), INT64_MIN + 1);
    expect_shape(ct_index_add(x, 0, ints(NULL, 0), ct_zeros(cx, CT_F64, CT_SHAPE(0, 2))),
                 CT_SHAPE(3, 2));
}
END_TEST

/* x counts as one of the numbers that are added */
START_TEST(very_many_are_added_to_x)
{
    const int64_t n = 20000;
    double want = 0.5 + (double)n * (double)0.1f;
    for (int64_t width = 1; width < 20; width += 10) {
        ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(3, width), 0.5);
        ct_tensor *v = ct_full(cx, CT_F32, CT_SHAPE(n, width), 0.1);
        ct_tensor *y = ct_index_add(x, 0, ct_ones(cx, CT_I64, CT_SHAPE(n)), v);
        ck_assert(ct_at(y, CT_INDEX(0, 0)) == 0.5 && ct_at(y, CT_INDEX(2, 0)) == 0.5);
        ck_assert_double_le(fabs(ct_at(y, CT_INDEX(1, width - 1)) - want), 260 * 0x1p-24 * want);
    }
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(3, 1), 0.5);
    ct_tensor *y = ct_scatter_add(x, 0, ct_ones(cx, CT_I64, CT_SHAPE(n, 1)),
                                  ct_full(cx, CT_F32, CT_SHAPE(n, 1), 0.1));
    ck_assert_double_le(fabs(ct_at(y, CT_INDEX(1, 0)) - want), 260 * 0x1p-24 * want);
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1");
    ct_tensor *index = ct_from_ints(cx, CT_SHAPE(2, 2), CT_INTS(0, 2, 1, 3));
    ct_tensor *v = ct_ones(cx, CT_F32, CT_SHAPE(2, 2)),
              *bools = ct_ones(cx, CT_BOOL, CT_SHAPE(2, 2));
    static const char *const names[] = { "scatter:", "scatter_add:", "scatter_max:" };
    for (int k = 0; k < 3; k++) {
        ck_assert_ptr_null(scattered((kind)k, x, 1, index, v));
        expect_error(CT_ERROR_RANGE, names[k],
                     "index 3 at (1,1) is out of range for size 3 of axis 1",
                     "w1 (2,3) x (2,2) x (2,2)", NULL);
        ck_assert_ptr_null(scattered((kind)k, x, 0, index, v));
        expect_error(CT_ERROR_SHAPE, names[k], "sizes differ along axis 1", NULL);
        ck_assert_ptr_null(scattered((kind)k, x, 1, index, ct_ones(cx, CT_F32, CT_SHAPE(2, 3))));
        expect_error(CT_ERROR_SHAPE, names[k], "as many indices as elements of the source", NULL);
        ck_assert_ptr_null(scattered((kind)k, x, 1, index, ct_ones(cx, CT_F64, CT_SHAPE(2, 2))));
        expect_error(CT_ERROR_DTYPE, names[k], "ct_cast", NULL);
        ck_assert_ptr_null(scattered((kind)k, x, 1, v, v));
        expect_error(CT_ERROR_DTYPE, names[k], "the index must be i64", NULL);
        ck_assert_ptr_null(scattered((kind)k, x, 2, index, v));
        expect_error(CT_ERROR_RANGE, names[k], "axis 2 of 2 dimensions", NULL);
        if (k == SET)
            continue;
        ck_assert_ptr_null(scattered((kind)k, bools, 1, index, bools));
        expect_error(CT_ERROR_DTYPE, names[k], "bool has no sums and no order", NULL);
    }
    ct_tensor *two = ints(CT_INTS(0, 1));
    ck_assert_ptr_null(ct_index_add(x, 0, ints(CT_INTS(0, -3)), x));
    expect_error(CT_ERROR_RANGE, "index_add: index -3 at (1) is out of range for size 2 of axis 0",
                 NULL);
    ck_assert_ptr_null(ct_index_add(x, 0, two, v));
    expect_error(CT_ERROR_SHAPE, "index_add: the source must have a slab of x for each index",
                 NULL);
    ck_assert_ptr_null(ct_index_add(x, 0, two, ct_ones(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_SHAPE, "index_add", NULL);
    ck_assert_ptr_null(ct_index_add(bools, 0, two, bools));
    expect_error(CT_ERROR_DTYPE, "index_add: bool", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(3))), *g;
    ct_tensor *index = ct_from_ints(c, CT_SHAPE(2), CT_INTS(1, 1));
    ct_tensor *v = ct_slice(x, 0, 0, 2, 1), *y = ct_scatter(x, 0, index, v);
    y = ct_index_add(ct_scatter_max(ct_scatter_add(y, 0, index, v), 0, index, v), 0, index, v);
    ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g);
    ct_backward(ct_sum(y));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *scatter_suite(void);
Suite *scatter_suite(void)
{
    return make_suite("scatter", (const TTest *const[]){ scatters_along_any_axis,
                                                         the_last_one_stays, the_largest_stays,
                                                         adds_slabs, very_many_are_added_to_x,
                                                         errors, out_of_memory, NULL });
}
