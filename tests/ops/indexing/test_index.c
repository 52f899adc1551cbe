/* ops/indexing/index.c, slabs.c, index_select.c and gather.c: values, places that are taken twice
 * or very often, messages. */
#include "index.h"
#include "support.h"

static ct_tensor *counted(int64_t rows, int64_t columns)
{
    return ct_reshape(ct_range(cx, CT_F64, rows * columns), CT_SHAPE(rows, columns));
}

static ct_tensor *ints(const int64_t *values, int n)
{
    return ct_from_ints(cx, CT_SHAPE(n), values, n);
}

START_TEST(slabs)
{
    ct_tensor *x = ct_variable(counted(3, 2)), *index = ints(CT_INTS(2, 0, -1, 2));
    ct_tensor *y = ct_index_select(x, 0, index);
    expect_shape(y, CT_SHAPE(4, 2));
    expect_values(y, CT_DOUBLES(4, 5, 0, 1, 4, 5, 4, 5), 0);
    ck_assert_int_eq(ct_backward(ct_sum(ct_mul(y, counted(4, 2)))), CT_OK);
    expect_values(ct_gradient(x), CT_DOUBLES(2, 3, 0, 0, 0 + 4 + 6, 1 + 5 + 7), 0);
    y = ct_index_select(ct_transpose(x), -1, ints(CT_INTS(1, 1)));
    expect_values(y, CT_DOUBLES(2, 2, 3, 3), 0);
    ct_tensor *every_other = ct_slice(index, 0, 0, CT_END, 2);
    expect_values(ct_index_select(x, 0, every_other), CT_DOUBLES(4, 5, 4, 5), 0);
    expect_shape(ct_index_select(x, 0, ct_slice(index, 0, 0, 0, 1)), CT_SHAPE(0, 2));
    expect_values(ct_index_select(ct_range(cx, CT_I64, 3), 0, index), CT_DOUBLES(2, 0, 2, 2), 0);
    ct_tensor *truth = ct_gt(ct_range(cx, CT_F32, 3), ct_scalar(cx, CT_F32, 0));
    expect_values(ct_index_select(truth, 0, index), CT_DOUBLES(1, 0, 1, 1), 0);
}
END_TEST

/* narrow and wide ones, few and many, along each axis, of x as it lies and permuted: values, and a
 * gradient into which each slab went as often as it was taken */
START_TEST(slabs_of_any_width)
{
    static const int64_t orders[][3] = { { 0, 1, 2 }, { 2, 0, 1 }, { 0, 2, 1 },
                                        { 1, 0, 2 } };
    for (int64_t width = 1; width <= 13; width += 4)
        for (int k = 0; k < 24; k++) {
            int axis = k / 4 % 3;
            ct_tensor *all = ct_reshape(ct_range(cx, CT_F64, 6 * width), CT_SHAPE(2, width, 3));
            ct_tensor *x = ct_variable(ct_permute(all, orders[k % 4], 3));
            int64_t size = ct_size(x, axis), to[3];
            ct_tensor *index = ct_randint(cx, -size, size, CT_SHAPE(k < 12 ? 5 : 70));
            ct_tensor *y = ct_index_select(x, axis, index);
            ct_tensor *gy = ct_randn(cx, CT_F64, ct_shape(y), 3);
            double want[6 * 13] = { 0 };
            ck_assert_int_eq(ct_backward(ct_sum(ct_mul(y, gy))), CT_OK);
            for (int64_t i = 0; i < ct_count(y); i++) {
                int64_t n = ct_size(y, 2), m = ct_size(y, 1);
                const int64_t at[] = { i / n / m, i / n % m, i % n };
                memcpy(to, at, sizeof to);
                to[axis] = (int64_t)ct_at(index, &at[axis], 1);
                to[axis] += to[axis] < 0 ? size : 0;
                ck_assert(ct_at(y, at, 3) == ct_at(x, to, 3));
                want[(to[0] * ct_size(x, 1) + to[1]) * ct_size(x, 2) + to[2]] += ct_at(gy, at, 3);
            }
            expect_values(ct_gradient(x), want, (int)ct_count(x), 1e-14);
        }
}
END_TEST

/* against the definition, along each axis of three, with strided x and index */
START_TEST(gathers_along_any_axis)
{
    ct_tensor *x = ct_permute(ct_reshape(ct_range(cx, CT_F32, 24), CT_SHAPE(2, 3, 4)),
                              CT_AXES(1, 2, 0)); /* (3,4,2) */
    for (int axis = 0; axis < 3; axis++) {
        int64_t shape[] = { 3, 4, 2 }, size = shape[axis], at[3];
        shape[axis] = 5;
        int64_t turned[] = { shape[2], shape[0], shape[1] };
        ct_tensor *index = ct_permute(ct_randint(cx, -size, size, turned, 3), CT_AXES(1, 2, 0));
        ct_tensor *y = ct_gather(x, axis - 3, index);
        expect_shape(y, shape, 3);
        for (int64_t i = 0; i < ct_count(y); i++) {
            int64_t to[] = { i / shape[2] / shape[1], i / shape[2] % shape[1], i % shape[2] };
            memcpy(at, to, sizeof at);
            at[axis] = (int64_t)ct_at(index, to, 3);
            ck_assert(ct_at(y, to, 3) == ct_at(x, at, 3));
        }
    }
}
END_TEST

START_TEST(what_is_gathered_twice_adds_up)
{
    ct_tensor *x = ct_variable(counted(2, 3)), *g[2], *gg;
    ct_tensor *index = ct_reshape(ints(CT_INTS(0, 0, 2, -1, 1, -3, -3, 0)), CT_SHAPE(2, 4));
    ct_tensor *y = ct_gather(x, 1, index);
    expect_values(y, CT_DOUBLES(0, 0, 2, 2, 4, 3, 3, 3), 0);
    ct_tensor *sum = ct_sum(ct_square(y));
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(ct_grad(sum, NULL, &x, 1, k ? CT_CREATE_GRAPH : 0, &g[k]), CT_OK);
        expect_values(g[k], CT_DOUBLES(0, 0, 8, 18, 8, 0), 0);
    }
    ck_assert_int_eq(ct_grad(ct_sum(g[1]), NULL, &x, 1, 0, &gg), CT_OK);
    expect_values(gg, CT_DOUBLES(4, 0, 4, 6, 2, 0), 0);
}
END_TEST

START_TEST(labels_of_a_batch)
{
    ct_tensor *x = ct_variable(counted(3, 4)), *labels = ints(CT_INTS(3, 0, 1));
    ct_tensor *y = ct_squeeze(ct_gather(x, 1, ct_unsqueeze(labels, 1)), 1);
    expect_values(y, CT_DOUBLES(3, 4, 9), 0);
    ck_assert_int_eq(ct_backward(ct_sum(y)), CT_OK);
    expect_values(ct_gradient(x), CT_DOUBLES(0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0), 0);
}
END_TEST

/* -- Accuracy: f32, into which very many are added. Plain sums of n equal numbers would be off by
 * some n / 6 roundings. */
static void expect_alike(ct_tensor *gx, const double *want, double roundings)
{
    for (int64_t i = 0; i < ct_count(gx); i++) {
        double is = (double)((const float *)ct_data(gx))[i];
        ck_assert_double_le(fabs(is - want[i]), roundings * 0x1p-24 * fabs(want[i]));
    }
}

/* x of 3 axes, its slabs along `axis` taken n times: `often` of these are the same one, the others
 * go round. Twice, so that the second gradient is added to the first */
static void take_often(int64_t *shape, int axis, int64_t n, int64_t often)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_variable(ct_zeros(cx, CT_F32, shape, 3)), *g[2], *y[2], *gy, *index;
    int64_t size = shape[axis], *at = malloc((size_t)n * sizeof *at), count = ct_count(x);
    double *want = calloc((size_t)count, sizeof *want);
    for (int64_t j = 0; j < n; j++)
        at[j] = j < often ? 1 - size * (j % 2) : j % size;
    index = ct_from_ints(cx, CT_SHAPE(n), at, n);
    shape[axis] = n;
    gy = ct_full(cx, CT_F32, shape, 3, 0.1);
    int64_t inner = axis == 2 ? 1 : axis == 1 ? shape[2] : shape[1] * shape[2];
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < n; j++)
            want[i] += (at[j] + size) % size == i / inner % size ? (double)0.1f : 0;
    for (int k = 0; k < 2; k++)
        y[k] = ct_mul(ct_index_select(x, axis, index), gy);
    ck_assert_int_eq(ct_grad(ct_sum(y[0]), NULL, &x, 1, 0, &g[0]), CT_OK);
    expect_alike(g[0], want, 260);
    ck_assert_int_eq(ct_grad(ct_sum(ct_add(y[0], y[1])), NULL, &x, 1, 0, &g[1]), CT_OK);
    for (int64_t i = 0; i < count; i++)
        want[i] *= 2;
    expect_alike(g[1], want, 260);
    free(at), free(want);
    ct_scope_end(cx, scope);
}

START_TEST(slabs_taken_very_often)
{
    for (int axis = 0; axis < 3; axis++)
        for (int64_t often = 0; often <= 20000; often += 10000) {
            take_often((int64_t[]){ 2, 3, 4 }, axis, 20000, often); /* wide, unless axis is 2 */
            int64_t narrow[] = { 2, 1, 2 };
            narrow[axis] = 5;
            take_often(narrow, axis, 20000, often);
        }
    take_often((int64_t[]){ 21000, 1, 1 }, 0, 20000, 15000); /* most are not taken at all */
    take_often((int64_t[]){ 1500, 3, 3 }, 0, 1500, 1000);
}
END_TEST

START_TEST(gathered_very_often)
{
    const int64_t n = 30000;
    for (int64_t size = 4; size < 100000; size += 49998)
        for (int axis = 0; axis < 2; axis++) {
            ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(size, 2)), *g;
            ct_tensor *index = ct_full(cx, CT_I64, CT_SHAPE(n, 2), 1 - (double)size);
            x = ct_variable(axis ? ct_transpose(x) : x);
            index = axis ? ct_transpose(index) : index;
            ct_tensor *gy = ct_full(cx, CT_F32, ct_shape(index), 2, 0.1);
            ck_assert_int_eq(ct_grad(ct_gather(x, axis, index), gy, &x, 1, 0, &g), CT_OK);
            for (int64_t i = 0; i < size; i += size - 1)
                ck_assert(ct_at(axis ? ct_transpose(g) : g, CT_INDEX(i, 1)) == 0);
            double is = ct_at(g, CT_INDEX(1, 1)), want = (double)n * (double)0.1f;
            ck_assert_double_le(fabs(is - want), 2 * 0x1p-24 * want);
        }
}
END_TEST

/* one place too often, also under its two names; and many places, none of them often */
START_TEST(crowds_are_found)
{
    enum { N = 10000, SIZE = 1000000 };
    static int64_t index[N];
    for (int64_t often = CT__OFTEN; often <= CT__OFTEN + 1; often++)
        for (int k = 0; k < 3; k++) {
            for (int64_t j = 0; j < 600; j++) {
                int64_t name = k == 0 || (k == 1 && j % 4) ? 7 : 7 - SIZE;
                index[j] = j < 2 * often && j % 2 ? name : 1000 + j;
            }
            ck_assert(ct__is_crowded(index, 1, 600, SIZE) == (often > CT__OFTEN));
            ck_assert(!ct__is_crowded(index, 1, CT__OFTEN, SIZE));
            ck_assert(ct__is_crowded(index + 1, 2, 300, SIZE) == (often > CT__OFTEN));
        }
    for (int64_t step = 1; step <= 64; step *= 2) {
        for (int64_t j = 0; j < N; j++)
            index[j] = step * j;
        ck_assert(!ct__is_crowded(index, 1, N, SIZE));
    }
    for (int64_t j = 0; j < N; j++)
        index[j] = (int64_t)(ct_random_u64(cx) % SIZE);
    ck_assert(!ct__is_crowded(index, 1, N, SIZE));
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_named(counted(2, 3), "w1"), *index = ints(CT_INTS(0, 2));
    ck_assert_ptr_null(ct_index_select(x, 0, index));
    expect_error(CT_ERROR_RANGE, "index_select: index 2 at (1) is out of range for size 2 of axis 0: "
                 "w1 (2,3) x (2)", NULL);
    ck_assert_ptr_null(ct_index_select(x, 1, ints(CT_INTS(1, -4))));
    expect_error(CT_ERROR_RANGE, "index_select: index -4 at (1) is out of range for size 3 of axis 1",
                 NULL);
    ck_assert_ptr_null(ct_index_select(x, 2, index));
    expect_error(CT_ERROR_RANGE, "index_select: axis 2 of 2 dimensions", NULL);
    ck_assert_ptr_null(ct_index_select(x, 0, ct_unsqueeze(index, 0)));
    expect_error(CT_ERROR_SHAPE, "index_select: the index must have 1 dimensions, got 2", NULL);
    ck_assert_ptr_null(ct_index_select(x, 0, ct_range(cx, CT_F32, 2)));
    expect_error(CT_ERROR_DTYPE, "index_select", "i64", "ct_cast", "f32", NULL);
    ck_assert_ptr_null(ct_gather(x, 0, index));
    expect_error(CT_ERROR_SHAPE, "gather: the index must have 2 dimensions, got 1", NULL);
    ck_assert_ptr_null(ct_gather(x, 0, ct_unsqueeze(index, 0)));
    expect_error(CT_ERROR_SHAPE, "gather: sizes differ along axis 1: w1 (2,3) x (1,2)", NULL);
    ck_assert_ptr_null(ct_gather(x, 0, ct_reshape(ints(CT_INTS(0, 1, 2)), CT_SHAPE(1, 3))));
    expect_error(CT_ERROR_RANGE, "gather: index 2 at (0,2) is out of range for size 2 of axis 0",
                 NULL);
    ck_assert_ptr_null(ct_index_select(ct_zeros(cx, CT_F64, CT_SHAPE(0)), 0, ints(CT_INTS(0))));
    expect_error(CT_ERROR_RANGE, "index_select: index 0 at (0) is out of range for size 0 of axis 0",
                 NULL);
    ck_assert_ptr_null(ct_gather(x, 0, NULL));
    expect_error(CT_ERROR_NULL, "gather", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3))), *g;
    ct_tensor *index = ct_from_ints(c, CT_SHAPE(2), CT_INTS(1, 0));
    ct_tensor *many = ct_zeros(c, CT_I64, CT_SHAPE(70));
    ct_tensor *y = ct_gather(ct_index_select(x, 0, index), 1, ct_unsqueeze(index, 1));
    ct_backward(ct_sum(ct_index_select(x, 0, many)));
    ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g);
    ct_backward(ct_sum(y));
    for (int64_t width = 1; width < 20; width += 10) {
        x = ct_variable(ct_ones(c, CT_F32, CT_SHAPE(2, width)));
        ct_backward(ct_sum(ct_index_select(x, 0, ct_zeros(c, CT_I64, CT_SHAPE(300)))));
    }
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *index_suite(void)
{
    const TTest *const tests[] = { slabs, slabs_of_any_width, gathers_along_any_axis,
                                   what_is_gathered_twice_adds_up, labels_of_a_batch,
                                   slabs_taken_very_often, gathered_very_often,
                                   crowds_are_found, errors,
                                   out_of_memory, NULL };
    return make_suite("index", tests);
}
