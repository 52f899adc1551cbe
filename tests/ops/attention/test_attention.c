/* ops/attention/: values and gradients against the same by other operators, at sizes round those of
 * a tile; masks; layouts; memory; errors; PyTorch's figures. */
#include "support.h"
#include "torch/figures.h"
#include "ways.h"

enum { NO_MASK, CHOOSES, ADDS };

typedef struct shape {
    int64_t n, t, s, d, e;
    bool causal;
    int mask;
} shape;

static const shape shapes[] = {
    { 2, 3, 5, 4, 2, false, NO_MASK },   { 1, 1, 1, 1, 1, true, CHOOSES },
    { 2, 127, 129, 3, 5, false, ADDS },  { 1, 129, 128, 8, 1, true, NO_MASK },
    { 1, 130, 300, 5, 7, true, CHOOSES }, { 2, 200, 257, 33, 17, false, CHOOSES },
    { 1, 300, 90, 4, 4, true, ADDS },    { 1, 5, 400, 16, 3, false, NO_MASK },
    { 0, 3, 4, 2, 2, false, NO_MASK },   { 2, 0, 4, 2, 2, false, ADDS },
    { 2, 3, 0, 2, 2, false, NO_MASK },   { 1, 3, 0, 2, 2, true, CHOOSES },
    { 2, 3, 4, 0, 2, false, NO_MASK },   { 2, 3, 4, 2, 0, false, NO_MASK },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, INPUTS = 4 };

static void inputs_of(const shape *s, ct_context *c, ct_dtype dtype, ct_tensor **x)
{
    x[0] = ct_variable(ct_randn(c, dtype, CT_SHAPE(s->n, s->t, s->d)));
    x[1] = ct_variable(ct_randn(c, dtype, CT_SHAPE(s->n, s->s, s->d)));
    x[2] = ct_variable(ct_randn(c, dtype, CT_SHAPE(s->n, s->s, s->e)));
    ct_tensor *mask = ct_randn(c, dtype, CT_SHAPE(s->n, s->t, s->s));
    x[3] = s->mask == ADDS ? ct_variable(mask)
           : s->mask == CHOOSES ? ct_gt(mask, ct_scalar_like(mask, 0.3)) : NULL;
}

/* the same by operators that store the matrix */
static ct_tensor *composed(ct_tensor *const *x, bool causal, double scale)
{
    ct_tensor *s = ct_scale(ct_matmul(x[0], ct_transpose(x[1])), scale);
    ct_tensor *none = ct_scalar_like(s, -INFINITY), *zero = ct_scalar_like(s, 0);
    ct_tensor *ones = ct_ones(ct_context_of(s), CT_BOOL, CT_SHAPE(ct_size(s, -2), ct_size(s, -1)));
    if (x[3])
        s = ct_dtype_of(x[3]) == CT_BOOL ? ct_where(x[3], s, none) : ct_add(s, x[3]);
    s = causal ? ct_where(ct_tril(ones, 0), s, none) : s;
    ct_tensor *some = ct_any_over(ct_gt(s, none), CT_AXES(-1), CT_KEEPDIMS);
    return ct_matmul(ct_where(some, ct_softmax(ct_where(some, s, zero), -1), zero), x[2]);
}

/* gradients by those of x that are variables */
static int gradients_of(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, unsigned flags,
                        ct_tensor **gx)
{
    ct_tensor *by[INPUTS];
    int n = 0;
    for (int i = 0; i < INPUTS; i++)
        if (x[i] && ct_requires_grad(x[i]))
            by[n++] = x[i];
    ck_assert_int_eq(ct_grad(y, gy, by, n, flags, gx), CT_OK);
    return n;
}

/* y and other are equal, and so are their gradients by x, with a graph and without */
static void expect_alike(ct_tensor *y, ct_tensor *other, ct_tensor *const *x)
{
    ct_tensor *gy = ct_randn(cx, ct_dtype_of(y), ct_shape(y), ct_ndim(y)), *gx[INPUTS], *want[INPUTS];
    expect_close(y, other, 32);
    gradients_of(other, gy, x, 0, want);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        int n = gradients_of(y, gy, x, flags, gx);
        for (int i = 0; i < n; i++)
            expect_close(gx[i], want[i], 64);
    }
}

static void compare(const shape *s, ct_dtype dtype)
{
    ct_tensor *x[INPUTS];
    inputs_of(s, cx, dtype, x);
    ct_tensor *y = ct_attention(x[0], x[1], x[2], x[3],
                                &(ct_attention_options){ .causal = s->causal });
    ct_tensor *other = composed(x, s->causal, s->d > 0 ? 1 / sqrt((double)s->d) : 1);
    expect_ok();
    expect_alike(y, other, x);
}

START_TEST(equals_the_composition)
{
    for (int k = 0; k < SHAPES; k++)
        for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
            ct_scope scope = ct_scope_begin(cx);
            compare(&shapes[k], dtype);
            ct_scope_end(cx, scope);
        }
}
END_TEST

/* with v = 1 the result is (m P): so it shows which weights are dropped, and the same seed drops the
 * same ones again */
static void compare_dropout(ct_dtype dtype, int64_t s, bool causal, double p)
{
    ct_tensor *x[INPUTS];
    const ct_attention_options o = { .causal = causal, .dropout = p };
    inputs_of(&(shape){ 2, 131, s, 5, 3, causal, ADDS }, cx, dtype, x);
    ct_tensor *eye = ct_eye(cx, dtype, s);
    ct_seed(cx, 7);
    ct_tensor *kept = ct_attention(x[0], x[1], eye, x[3], &o);
    ct_tensor *all = composed((ct_tensor *[]){ x[0], x[1], ct_broadcast_to(eye, CT_SHAPE(2, s, s)),
                                               x[3] }, causal, 1 / sqrt(5));
    ct_tensor *zero = ct_scalar_like(all, 0);
    ct_tensor *is_kept = ct_detach(ct_cast(ct_ne(kept, zero), dtype));
    double share = ct_item(ct_sum(is_kept)) / ct_item(ct_sum(ct_cast(ct_ne(all, zero), dtype)));
    ck_assert_double_lt(fabs(share - (1 - p)), 0.03);
    ct_tensor *other = ct_matmul(ct_scale(ct_mul(all, is_kept), 1 / (1 - p)), x[2]);
    ct_seed(cx, 7);
    ct_tensor *y = ct_attention(x[0], x[1], x[2], x[3], &o);
    ct_seed(cx, 8); /* which backward does not look at */
    expect_alike(y, other, x);
    expect_ok();
}

START_TEST(weights_are_dropped)
{
    for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int causal = 0; causal < 2; causal++) {
            compare_dropout(dtype, 259, causal, 0.3);
            compare_dropout(dtype, 33, causal, 0.6);
        }
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2, 2));
    ck_assert_ptr_null(ct_attention(x, x, x, NULL, &(ct_attention_options){ .dropout = 1 }));
    expect_error(CT_ERROR_VALUE, "attention: dropout must be in [0, 1), got 1", NULL);
}
END_TEST

/* the inputs have another use: its cotangents come first, and ours are added */
static ct_tensor *with_squares(ct_tensor *y, ct_tensor *const *x, bool first)
{
    y = ct_sum(ct_square(y));
    for (int i = 0; i < INPUTS; i++) {
        ct_tensor *more = ct_sum(ct_square(x[i]));
        y = first ? ct_add(more, y) : ct_add(y, more);
    }
    return y;
}

/* gradients are added to those that are there */
START_TEST(backward_adds)
{
    ct_tensor *x[INPUTS], *first[INPUTS];
    inputs_of(&(shape){ .n = 2, .t = 130, .s = 140, .d = 3, .e = 2, .mask = ADDS }, cx, CT_F64, x);
    ct_tensor *y = ct_sum(ct_square(ct_attention(x[0], x[1], x[2], x[3], NULL)));
    ct_backward(y);
    for (int i = 0; i < INPUTS; i++)
        first[i] = ct_scale(ct_gradient(x[i]), 2);
    ct_backward(y);
    for (int i = 0; i < INPUTS; i++)
        expect_close(ct_gradient(x[i]), first[i], 8);
    ct_tensor *twice = ct_sum(ct_square(ct_attention(x[0], x[0], x[0], NULL, NULL)));
    ct_tensor *same[] = { x[0], x[0], x[0], NULL }, *gx[INPUTS], *want[INPUTS];
    gradients_of(twice, NULL, same, 0, gx);
    gradients_of(ct_sum(ct_square(composed(same, false, 1 / sqrt(3)))), NULL, same, 0, want);
    expect_close(gx[0], want[0], 64);
    ct_tensor *whole = composed(x, false, 1 / sqrt(3));
    gradients_of(with_squares(whole, x, false), NULL, x, 0, want);
    for (int first = 0; first < 2; first++) {
        y = ct_attention(x[0], x[1], x[2], x[3], NULL);
        gradients_of(with_squares(y, x, first), NULL, x, 0, gx);
        for (int i = 0; i < INPUTS; i++)
            expect_close(gx[i], want[i], 64);
    }
    expect_ok();
}
END_TEST

/* -- PyTorch */
static ct_tensor *numbers(int k, const int64_t *shape, int ndim)
{
    ct_tensor *x = ct_empty(cx, CT_F64, shape, ndim);
    for (int64_t i = 0; i < ct_count(x); i++)
        ((double *)ct_data_mutable(x))[i] = 2 * sin(1.3 * (double)i + k);
    return x;
}

START_TEST(is_that_of_pytorch)
{
    static const char *const rows[] = { "plain", "causal", "chosen", "added" };
    for (int kind = 0; kind < 4; kind++) {
        ct_tensor *x[] = { ct_variable(numbers(0, CT_SHAPE(1, 2, 3, 2))),
                           ct_variable(numbers(1, CT_SHAPE(1, 2, 4, 2))),
                           ct_variable(numbers(2, CT_SHAPE(1, 2, 4, 3))), NULL }, *gx[INPUTS];
        if (kind == 2)
            x[3] = ct_from_memory(cx, CT_BOOL, CT_SHAPE(3, 4), "\1\0\1\1\0\1\0\0\1\1\1\0");
        if (kind == 3)
            x[3] = ct_variable(numbers(3, CT_SHAPE(3, 4)));
        double want[18 + 12 + 16 + 24 + 12], *next = want + 18;
        figures("attention.txt", rows[kind], want, kind == 3 ? 82 : 70);
        ct_tensor *y = ct_attention(x[0], x[1], x[2], x[3],
                                    &(ct_attention_options){ .causal = kind == 1 });
        expect_values(y, want, 18, 1e-12);
        int n = gradients_of(y, numbers(9, CT_SHAPE(1, 2, 3, 3)), x, 0, gx);
        for (int i = 0; i < n; next += ct_count(gx[i++]))
            expect_values(gx[i], next, (int)ct_count(gx[i]), 1e-12);
    }
}
END_TEST

/* -- Masks */
START_TEST(a_query_without_keys_gets_0)
{
    enum { S = 300 };
    ct_tensor *x[INPUTS], *gx[INPUTS];
    inputs_of(&(shape){ .n = 1, .t = 2, .s = S, .d = 3, .e = 2 }, cx, CT_F64, x);
    for (int kind = 0; kind < 2; kind++) {
        x[3] = kind ? ct_full(cx, CT_F64, CT_SHAPE(2, S), -INFINITY)
                    : ct_zeros(cx, CT_BOOL, CT_SHAPE(2, S));
        ck_assert_int_eq(ct_set(x[3], CT_INDEX(0, -1), !kind), CT_OK); /* one has the last key */
        ct_tensor *y = ct_attention(x[0], x[1], x[2], x[3], NULL);
        for (int64_t j = 0; j < 2; j++) {
            ck_assert(ct_at(y, CT_INDEX(0, 0, j)) == ct_at(x[2], CT_INDEX(0, S - 1, j)));
            ck_assert(ct_at(y, CT_INDEX(0, 1, j)) == 0);
        }
        gradients_of(y, ct_ones_like(y), x, 0, gx);
        expect_values(gx[0], (double[6]){ 0 }, 6, 0);
        ck_assert_double_eq(ct_item(ct_sum(gx[2])), 2);
    }
    expect_ok();
}
END_TEST

/* leading axes of all, and any axis of the mask */
/* queries, keys, features or values that are not there; clang's sanitizer looks at the addresses */
START_TEST(without_elements)
{
    static const int64_t sizes[][4] = { { 2, 4, 3, 0 }, { 2, 4, 0, 3 }, { 0, 4, 3, 2 } };
    for (int k = 0; k < 3 * 2; k++) {
        const int64_t *s = sizes[k / 2]; /* queries, keys, features, values */
        ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
        ct_tensor *x[3] = { ct_variable(ct_ones(cx, dtype, CT_SHAPE(s[0], s[2]))),
                            ct_variable(ct_ones(cx, dtype, CT_SHAPE(s[1], s[2]))),
                            ct_variable(ct_ones(cx, dtype, CT_SHAPE(s[1], s[3]))) };
        ct_tensor *y = ct_attention(x[0], x[1], x[2], NULL, NULL), *gx[3];
        expect_shape(y, CT_SHAPE(s[0], s[3]));
        ck_assert_int_eq(ct_grad(ct_sum(y), NULL, x, 3, 0, gx), CT_OK);
        ck_assert(s[2] > 0 || ct_at(y, CT_INDEX(0, 0)) == 1); /* all scores are 0 */
    }
}
END_TEST

/* without queries nothing flows back to keys and values, and without keys nothing to queries: that
 * is written, also where memory was used before */
static void gradients_without_elements(void)
{
    enum { SIZE = 100 };
    for (int queries = 0; queries < 2; queries++) {
        ct_tensor *x[3], *gx[3];
        for (int i = 0; i < 3; i++) {
            bool there = (i == 0) == (queries > 0);
            x[i] = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(there ? SIZE : 0, SIZE)));
        }
        ct_tensor *y = ct_attention(x[0], x[1], x[2], NULL, NULL);
        ct_tensor *gy = ct_ones_like(y);
        ct_scope scope = ct_scope_begin(cx);
        for (int i = 0; i < 4; i++)
            ct_full(cx, CT_F64, CT_SHAPE(SIZE, SIZE), NAN);
        ct_scope_end(cx, scope);
        ck_assert_int_eq(ct_grad(y, gy, x, 3, 0, gx), CT_OK);
        for (int i = 0; i < 3; i++)
            ck_assert_double_eq(ct_item(ct_sum(ct_abs(gx[i]))), 0);
    }
}

START_TEST(gradients_of_what_meets_nothing)
{
    with_pool(gradients_without_elements);
}
END_TEST

START_TEST(broadcasts)
{
    ct_tensor *q = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 4, 5)));
    ct_tensor *k = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 1, 6, 5)));
    ct_tensor *v = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 6, 2)));
    ct_tensor *masks[] = {
        ct_randn(cx, CT_F64, CT_SHAPE(6)), ct_randn(cx, CT_F64, CT_SHAPE(4, 1)),
        ct_randn(cx, CT_F64, CT_SHAPE(2, 1, 1, 6)), ct_scalar(cx, CT_F64, 2),
        ct_from_memory(cx, CT_BOOL, CT_SHAPE(2, 1, 1, 6), "\1\0\1\1\0\0\1\1\1\1\0\1")
    };
    for (int i = 0; i < 5; i++) {
        ct_tensor *mask = i < 4 ? ct_variable(masks[i]) : masks[i], *gx[INPUTS], *want[INPUTS];
        ct_tensor *x[] = { q, k, v, mask }, *y = ct_attention(q, k, v, mask, NULL);
        ct_tensor *other = composed(x, false, 1 / sqrt(5));
        expect_shape(y, CT_SHAPE(2, 3, 4, 2));
        expect_close(y, other, 16);
        ct_tensor *gy = ct_randn(cx, CT_F64, ct_shape(y), 4);
        int n = gradients_of(y, gy, x, 0, gx);
        gradients_of(other, gy, x, 0, want);
        for (int j = 0; j < n; j++) {
            ck_assert(ct_same_shape(gx[j], x[j]));
            ck_assert(ct_max_difference(gx[j], want[j]) < 1e-13);
        }
    }
    expect_ok();
}
END_TEST

/* heads as they come from a linear layer, (n,t,h,d) seen as (n,h,t,d), and a gy like that */
START_TEST(takes_any_strides)
{
    ct_tensor *x[INPUTS] = { NULL }, *rows[3], *gx[2][INPUTS];
    for (int i = 0; i < 3; i++)
        x[i] = ct_permute(ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 140, 3, 4))),
                          CT_AXES(0, 2, 1, 3));
    ct_tensor *g = ct_permute(ct_randn(cx, CT_F64, CT_SHAPE(4, 2, 3, 140)), CT_AXES(1, 2, 3, 0));
    for (int i = 0; i < 3; i++)
        rows[i] = ct_contiguous(x[i]);
    ct_tensor *y = ct_attention(x[0], x[1], x[2], NULL, NULL);
    expect_close(y, ct_attention(rows[0], rows[1], rows[2], NULL, NULL), 2);
    gradients_of(y, g, x, 0, gx[0]);
    gradients_of(y, ct_contiguous(g), x, 0, gx[1]);
    for (int i = 0; i < 3; i++)
        expect_close(gx[0][i], gx[1][i], 8);
    expect_ok();
}
END_TEST

/* -- Numbers: scores of any size, larger from tile to tile */
START_TEST(scores_of_any_size)
{
    for (double size = 1e-20; size < 1e31; size *= 1e10) {
        ct_tensor *k = ct_reshape(ct_range(cx, CT_F32, 400), CT_SHAPE(400, 1));
        ct_tensor *x[] = { ct_full(cx, CT_F32, CT_SHAPE(3, 1), size), k, k, NULL };
        ct_tensor *y = ct_attention(x[0], x[1], x[2], NULL, NULL);
        expect_close(y, composed(x, false, 1), 32);
        x[1] = ct_neg(k);
        y = ct_attention(x[0], x[1], x[2], NULL, NULL);
        expect_close(y, composed(x, false, 1), 32);
    }
    expect_ok();
}
END_TEST

/* -- The matrix is not stored: 16 MB if it were */
START_TEST(memory_is_that_of_a_row)
{
    enum { T = 2048, D = 4 };
    ct_memory m;
    ct_tensor *x[INPUTS] = { NULL };
    for (int i = 0; i < 3; i++)
        x[i] = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(T, D)));
    ct_tensor *y = ct_attention(x[0], x[1], x[2], NULL, &(ct_attention_options){ .dropout = 0.1 });
    ck_assert_int_eq(ct_backward_from(y, ct_ones_like(y)), CT_OK);
    ct_memory_stats(cx, &m);
    ck_assert_int_lt(m.peak_bytes, (3 + 1 + 1 + 3 + 3) * T * D * 4 + T * 4 + (1 << 20));
}
END_TEST

/* one index of the leading axes: threads share each product */
START_TEST(same_bits_for_any_number_of_threads)
{
    uint64_t hashes[2][WAYS] = { { 0 } };
    for (int way = 0; way < WAYS; way++)
        for (int n = 1; n < 3; n++) {
            ct_context *c = context_of_way(way);
            ct_tensor *x[INPUTS], *gx[INPUTS];
            inputs_of(&(shape){ .n = n, .t = 260, .s = 300, .d = 24, .e = 8, .causal = n > 1 }, c,
                      CT_F32, x);
            ct_tensor *y = ct_attention(x[0], x[1], x[2], NULL, &(ct_attention_options){
                .dropout = n > 1 ? 0.3 : 0 });
            gradients_of(y, ct_ones_like(y), x, 0, gx);
            uint64_t hash = hash_of(y);
            for (int i = 0; i < 3; i++)
                hash = hash * 31 + hash_of(gx[i]);
            hashes[n - 1][way] = hash;
            ck_assert(hash == hashes[n - 1][0]);
            ct_context_free(c);
        }
}
END_TEST

/* -- Errors */
START_TEST(says_what_does_not_fit)
{
    ct_tensor *q = ct_ones(cx, CT_F64, CT_SHAPE(2, 3, 4)), *k = ct_ones(cx, CT_F64, CT_SHAPE(2, 5, 4));
    ct_tensor *other = ct_ones(cx, CT_F64, CT_SHAPE(3, 5, 4)), *f32 = ct_cast(k, CT_F32);
    ct_tensor *mask = ct_ones(cx, CT_BOOL, CT_SHAPE(3, 4)), *ints = ct_cast(mask, CT_I64);
    ck_assert(!ct_attention(q, other, other, NULL, NULL));
    expect_error(CT_ERROR_SHAPE, "attention: takes q (...,t,d), k", "(2,3,4) x (3,5,4)", NULL);
    ck_assert(!ct_attention(q, k, ct_ones(cx, CT_F64, CT_SHAPE(2, 4, 4)), NULL, NULL));
    expect_error(CT_ERROR_SHAPE, "attention: takes", NULL);
    ck_assert(!ct_attention(q, ct_ones(cx, CT_F64, CT_SHAPE(2, 5, 3)), k, NULL, NULL));
    expect_error(CT_ERROR_SHAPE, "attention: takes", NULL);
    ck_assert(!ct_attention(q, k, k, mask, NULL));
    expect_error(CT_ERROR_SHAPE, "attention: takes", "(3,4)", NULL);
    ck_assert(ct_attention(q, k, k, ct_ones(cx, CT_BOOL, CT_SHAPE(7, 1, 3, 5)), NULL) != NULL);
    ck_assert(!ct_attention(q, k, k, ct_ones(cx, CT_BOOL, CT_SHAPE(7, 1, 6, 5)), NULL));
    expect_error(CT_ERROR_SHAPE, "attention: takes", NULL);
    ck_assert(!ct_attention(q, k, k, ints, NULL));
    expect_error(CT_ERROR_DTYPE, "attention: q, k and v", "ct_cast", NULL);
    ck_assert(!ct_attention(q, f32, k, NULL, NULL));
    expect_error(CT_ERROR_DTYPE, "attention: q, k and v", NULL);
    ck_assert(!ct_attention(ct_scalar(cx, CT_F64, 1), k, k, NULL, NULL));
    expect_error(CT_ERROR_SHAPE, "attention: takes", NULL);
    ck_assert(!ct_attention(q, k, k, NULL, &(ct_attention_options){ .reserved = { 0, 0, 1 } }));
    expect_error(CT_ERROR_VALUE, "attention: the reserved fields", NULL);
    ct_fail(cx, CT_ERROR_VALUE, "the mask failed");
    ck_assert(!ct_attention(q, k, k, NULL, NULL));
    expect_error(CT_ERROR_VALUE, "the mask failed", NULL);
}
END_TEST

Suite *attention_suite(void)
{
    return make_suite("attention", (const TTest *const[]){
        equals_the_composition, weights_are_dropped, backward_adds, is_that_of_pytorch,
        a_query_without_keys_gets_0, without_elements, gradients_of_what_meets_nothing,
        broadcasts, takes_any_strides, scores_of_any_size, memory_is_that_of_a_row,
        same_bits_for_any_number_of_threads, says_what_does_not_fit, NULL });
}
