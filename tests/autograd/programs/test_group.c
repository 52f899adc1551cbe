/* Kernels as steps, and groups of them: the bits are those of eager runs, whatever is mixed. */
#include "support.h"

static bool same_bits(const ct_tensor *a, const ct_tensor *b)
{
    size_t bytes = (size_t)ct_count(a) * ct_dtype_size(ct_dtype_of(a));
    return ct_dtype_of(a) == ct_dtype_of(b) && ct_same_shape(a, b) &&
           memcmp(ct_data(a), ct_data(b), bytes) == 0;
}

/* runs f eagerly and by p from the same place of the random stream */
static void compare(ct_context *c, ct_program *p, ct_function f, ct_tensor *const *x, int n,
                    void *user)
{
    ct_scope scope = ct_scope_begin(c);
    ct_stream before = ct_random_stream(c);
    ct_tensor *want = f(c, x, n, user);
    ct_stream after = ct_random_stream(c);
    ct_random_resume(c, before);
    ct_tensor *got = ct_program_run(p, x, n);
    ck_assert_msg(want && got, "%s", ct_error_text(c));
    ck_assert_msg(same_bits(got, want), "other bits; %s", ct_program_text(p));
    ck_assert_uint_eq(ct_random_stream(c).draws, after.draws);
    ct_scope_end(c, scope);
}

/* -- Functions made of chance: the same one for the same seed */
typedef struct chance {
    uint32_t seed, now;
} chance;

static int pick(chance *w, int n)
{
    w->now = w->now * 1664525u + 1013904223u;
    return (int)((w->now >> 16) % (uint32_t)n);
}

static ct_tensor *of_one(chance *w, ct_tensor *a)
{
    switch (pick(w, 9)) {
    case 0: return ct_tanh(a);
    case 1: return ct_sigmoid(a);
    case 2: return ct_scale(a, 0.5);
    case 3: return ct_sin(a);
    case 4: return ct_square(ct_tanh(a));
    case 5: return ct_relu(a);
    case 6: return ct_neg(a);
    case 7: return ct_dropout(a, 0.25);
    default: return ct_softplus(a);
    }
}

static ct_tensor *of_two(chance *w, ct_tensor *a, ct_tensor *b)
{
    switch (pick(w, 6)) {
    case 0: return ct_add(a, b);
    case 1: return ct_mul(a, b);
    case 2: return ct_sub(a, b);
    case 3: return ct_maximum(a, b);
    case 4: return ct_div(a, ct_shift(ct_square(b), 1));
    default: return ct_lerp(a, b, ct_sigmoid(a));
    }
}

/* x: a matrix, a row, a column, a matrix to be transposed, a number */
static ct_tensor *mixture(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    chance w = { 0, ((chance *)user)->seed };
    ct_tensor *v[5], *pool[64], *g[5];
    int count = 0;
    (void)c;
    for (int i = 0; i < n; i++)
        v[i] = ct_variable(ct_detach(x[i]));
    ct_tensor *turned = ct_transpose(v[3]);
    ct_tensor *others[] = { v[1], v[2], turned, v[4] };
    pool[count++] = v[0];
    for (int i = 0; i < 14; i++) {
        ct_tensor *a = pool[pick(&w, count)], *b = pool[pick(&w, count)];
        int what = pick(&w, 8);
        pool[count++] = what < 3   ? of_one(&w, a)
                        : what < 5 ? of_two(&w, a, b)
                        : what < 7 ? of_two(&w, a, others[pick(&w, 4)])
                                   : ct_mul(a, ct_mean_over(b, CT_AXES(pick(&w, 2)), CT_KEEPDIMS));
    }
    ct_tensor *loss = ct_add(ct_mean(pool[count - 1]), ct_sum(ct_square(pool[count - 2])));
    for (int i = 0; i < n; i++) /* so that each has a part in it */
        loss = ct_add(loss, ct_sum(v[i]));
    if (pick(&w, 3) == 0) { /* second order */
        ct_tensor *first;
        ct_grad(loss, NULL, v, 1, CT_CREATE_GRAPH, &first);
        loss = ct_add(loss, ct_sum(ct_square(first)));
    }
    if (ct_grad(loss, NULL, v, n, 0, g) != CT_OK)
        return NULL;
    for (int i = 0; i < n; i++)
        g[i] = ct_reshape(ct_contiguous(g[i]), CT_SHAPE(-1));
    return pick(&w, 4) == 0 ? ct_mul(pool[count - 1], g[4]) : ct_concat(g, n, 0);
}

static void try_mixture(ct_context *c, ct_dtype dtype, int64_t rows, int64_t columns, uint32_t seed)
{
    chance user = { seed, 0 };
    ct_program *p = ct_program_new(c, mixture, &user, NULL);
    for (int run = 0; run < 3; run++) {
        ct_tensor *x[] = { ct_randn(c, dtype, CT_SHAPE(rows, columns)),
                           ct_randn(c, dtype, CT_SHAPE(columns)),
                           ct_randn(c, dtype, CT_SHAPE(rows, 1)),
                           ct_randn(c, dtype, CT_SHAPE(columns, rows)),
                           ct_randn(c, dtype, CT_SHAPE(1)) };
        compare(c, p, mixture, x, 5, &user);
    }
    ck_assert_msg(strstr(ct_program_text(p), "replayed 2 times"), "%s", ct_program_text(p));
    ct_program_free(p);
    expect_ok();
}

/* from a single number to sizes at the ends of pieces, of what is grouped, and of blocks */
static const int64_t shapes[][2] = { { 1, 1 }, { 3, 5 }, { 32, 32 }, { 33, 31 }, { 1, 2049 },
                                     { 2100, 1 }, { 64, 64 }, { 65, 63 }, { 5, 1025 } };
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

START_TEST(mixtures_have_the_bits_of_eager_runs)
{
    for (uint32_t seed = 0; seed < 40; seed++)
        for (int d = 0; d < 2; d++) {
            int64_t const *s = shapes[(seed + 4u * (uint32_t)d) % SHAPES];
            ct_scope scope = ct_scope_begin(cx);
            try_mixture(cx, d ? CT_F64 : CT_F32, s[0], s[1], seed);
            ct_scope_end(cx, scope);
        }
}
END_TEST

START_TEST(so_they_have_with_threads)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .threads = 3, .seed = 5 });
    for (uint32_t seed = 100; seed < 104; seed++)
        try_mixture(c, seed % 2 ? CT_F64 : CT_F32, 300, 301, seed);
    ck_assert_int_eq(ct_error(c), CT_OK);
    ct_context_free(c);
}
END_TEST

Suite *group_suite(void);
Suite *group_suite(void)
{
    return make_suite("autograd/group", (const TTest *[]){
        mixtures_have_the_bits_of_eager_runs, so_they_have_with_threads, NULL });
}
