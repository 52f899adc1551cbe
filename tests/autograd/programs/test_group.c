/* Kernels as steps, and groups of them: the bits are those of eager runs, whatever is mixed. */
#include "ways.h"

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
    for (uint32_t seed = 0; seed < (EXHAUSTIVE ? 4000 : 40); seed++)
        for (int d = 0; d < 2 && in_share(seed); d++) {
            int64_t const *s = shapes[(seed + 4u * (uint32_t)d) % SHAPES];
            ct_scope scope = ct_scope_begin(cx);
            try_mixture(cx, d ? CT_F64 : CT_F32, s[0], s[1], seed);
            ct_scope_end(cx, scope);
        }
}
END_TEST

START_TEST(so_they_have_with_threads)
{
    for (int threads = EXHAUSTIVE ? 1 : 3; threads <= (EXHAUSTIVE ? 8 : 3); threads++) {
        ct_context *c = ct_context_new(&(ct_context_options){ .threads = threads, .seed = 5 });
        for (uint32_t seed = 100; seed < (EXHAUSTIVE ? 150 : 104); seed++)
            if (in_share(seed))
                try_mixture(c, seed % 2 ? CT_F64 : CT_F32, 300, 301, seed);
        ck_assert_int_eq(ct_error(c), CT_OK);
        ct_context_free(c);
    }
}
END_TEST

/* -- What groups are made of */
static ct_tensor *gates(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g;
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_mul(ct_tanh(ct_add(ct_mul(v, x[1]), x[2])), ct_sigmoid(x[3]));
    return ct_grad(ct_sum(y), NULL, &v, 1, 0, &g) == CT_OK ? g : NULL;
}

static ct_tensor *random_row(int64_t n)
{
    return ct_randn(cx, CT_F64, CT_SHAPE(n));
}

/* forward mul, add, tanh, sigmoid; backward of mul, tanh, mul. The product itself, and the sum, are
 * nobody's: they are left out. b, d, a, c are read and g is written: 5 passes */
START_TEST(forward_and_backward_are_one_group)
{
    ct_program *p = ct_program_new(cx, gates, NULL, NULL);
    ct_tensor *x[] = { random_row(3000), random_row(3000), random_row(3000), random_row(3000) };
    for (int run = 0; run < 2; run++)
        compare(cx, p, gates, x, 4, NULL);
    ck_assert_msg(strstr(ct_program_text(p), "7 kernels over 3000 elements: 5 passes"), "%s",
                  ct_program_text(p));
    ck_assert(!strstr(ct_program_text(p), "sum_to"));
}
END_TEST

static ct_tensor *split_by_its_sum(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_tanh(x[0]), *m = ct_mean(y), *z = ct_exp(ct_neg(x[0]));
    ct_tensor *product = ct_matmul(y, x[0]); /* C does not say which argument comes first */
    return ct_add(ct_mul(ct_sub(y, m), z), product);
}

/* mean and matmul are put off: exp and neg go before them. What reads their results comes after */
START_TEST(what_is_in_between_is_put_off)
{
    ct_program *p = ct_program_new(cx, split_by_its_sum, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(60, 60));
    for (int run = 0; run < 3; run++)
        compare(cx, p, split_by_its_sum, &x, 1, NULL);
    const char *text = ct_program_text(p);
    ck_assert_msg(strstr(text, "a group of 3 kernels over 3600"), "%s", text);
    ck_assert_msg(strstr(text, "elementwise: ") && strstr(text, "matmul"), "%s", text);
}
END_TEST

/* (i,j,k): x of (k,i,j), permuted; y of (i,1,k); z of (j,1); w of (i,j,k), every second k */
static ct_tensor *axes(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *turned = ct_permute(x[0], CT_AXES(1, 2, 0));
    (void)c, (void)n, (void)user;
    return ct_mul(ct_add(turned, x[1]), ct_sub(ct_tanh(x[2]), x[3]));
}

START_TEST(operands_of_three_axes)
{
    static const int64_t sizes[][3] = { { 3, 4, 5 }, { 7, 11, 17 }, { 5, 300, 3 } };
    ct_program *p = ct_program_new(cx, axes, NULL, NULL);
    for (int run = 0; run < 9; run++) {
        const int64_t *s = sizes[run % 3];
        ct_dtype dtype = run == 3 ? CT_F32 : CT_F64;
        ct_tensor *w = ct_randn(cx, dtype, CT_SHAPE(s[0], s[1], 2 * s[2]));
        ct_tensor *x[] = { ct_randn(cx, dtype, CT_SHAPE(s[2], s[0], s[1])),
                           ct_randn(cx, dtype, CT_SHAPE(s[0], 1, s[2])),
                           ct_randn(cx, dtype, CT_SHAPE(s[1], 1)),
                           ct_slice(w, 2, 0, 2 * s[2], 2) };
        compare(cx, p, axes, x, 4, NULL);
    }
}
END_TEST

/* 50 results at once, each read late: some lie in the arena */
static ct_tensor *crowd(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    enum { MANY = 50 };
    ct_tensor *t[MANY], *y = x[0];
    (void)c, (void)n, (void)user;
    for (int i = 0; i < MANY; i++)
        t[i] = ct_scale(x[0], 1 + i);
    for (int i = 0; i < MANY; i++)
        y = ct_sin(ct_add(ct_mul(y, t[i]), t[MANY - 1 - i]));
    return y;
}

START_TEST(more_than_a_room_holds)
{
    ct_program *p = ct_program_new(cx, crowd, NULL, NULL);
    for (int run = 0; run < 3; run++) {
        ct_tensor *x = random_row(2000);
        compare(cx, p, crowd, &x, 1, NULL);
    }
}
END_TEST

/* exp takes one number of what the group writes, so it comes after it, and the product after that */
static ct_tensor *scaled_by_a_part(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_tanh(ct_neg(x[0])), *part = ct_exp(ct_slice(y, 0, 5, 6, 1));
    return ct_mul(ct_sin(x[0]), part);
}

START_TEST(a_part_is_read_when_it_is_written)
{
    ct_program *p = ct_program_new(cx, scaled_by_a_part, NULL, NULL);
    for (int run = 0; run < 3; run++) {
        ct_tensor *x = random_row(2000);
        compare(cx, p, scaled_by_a_part, &x, 1, NULL);
    }
    const char *text = ct_program_text(p);
    ck_assert_msg(strstr(text, "1 kernels by themselves"), "%s", text);
}
END_TEST

/* The same tensor twice, and others over the same data: rows backwards, every second one */
START_TEST(arguments_may_overlap)
{
    ct_program *p = ct_program_new(cx, gates, NULL, NULL);
    ct_tensor *all = random_row(7000);
    ct_tensor *some = ct_slice(all, 0, 0, 6000, 2), *later = ct_slice(all, 0, 7, 3007, 1);
    ct_tensor *back = ct_flip(ct_slice(all, 0, 4000, 7000, 1), CT_AXES(0));
    for (int run = 0; run < 3; run++) {
        compare(cx, p, gates, (ct_tensor *[]){ later, later, later, later }, 4, NULL);
        compare(cx, p, gates, (ct_tensor *[]){ some, back, later, some }, 4, NULL);
    }
    ck_assert(strstr(ct_program_text(p), "replayed 2 times"));
}
END_TEST

/* y += y x, written into a leaf: of the caller's, and given as an argument, too */
static ct_tensor *grown(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *leaf = user, *y = ct_mul(leaf, x[0]);
    (void)c, (void)n;
    if (ct_assign_add(leaf, 0.5, y) != CT_OK)
        return NULL;
    return ct_add(ct_tanh(leaf), ct_mul(x[0], y));
}

START_TEST(what_is_written_in_place_is_read_in_its_turn)
{
    ct_tensor *a = random_row(3000), *b = ct_neg(ct_neg(a)), *x = random_row(3000);
    ct_program *p = ct_program_new(cx, grown, a, NULL);
    for (int run = 0; run < 4; run++) {
        ct_tensor *in = run == 3 ? a : x, *same = run == 3 ? b : x;
        ct_tensor *got = ct_program_run(p, &in, 1), *want = grown(cx, &same, 1, b);
        ck_assert(got && want && same_bits(got, want) && same_bits(a, b));
    }
    ck_assert(strstr(ct_program_text(p), "replayed 3 times"));
    expect_ok();
}
END_TEST

/* -- Sums at the ends of groups */
/* A sum of what the group makes, and of it alone; `user` says which. Backward comes, too: what is
 * returned is the sum, times the gradient's own. */
typedef enum summed { ALL, ROWS, ALL_AND_KEPT, READ_ONLY_BY_IT, WRITTEN_LATER } summed;

static ct_tensor *summing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const summed what = *(summed *)user;
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g, *all[3];
    (void)n;
    ct_tensor *y = ct_mul(ct_sin(v), x[1]), *z = what == READ_ONLY_BY_IT ? v : y;
    if (what == WRITTEN_LATER && ct_assign_add(z = ct_mul(x[0], x[1]), 1, x[0]) != CT_OK)
        return NULL;
    ct_tensor *sum = what == ROWS ? ct_sum_over(y, CT_AXES(1), 0) : ct_sum(z);
    if (ct_grad(ct_mean(y), NULL, &v, 1, 0, &g) != CT_OK)
        return NULL;
    all[0] = ct_reshape(sum, CT_SHAPE(-1));
    all[1] = ct_reshape(ct_exp(g), CT_SHAPE(-1));
    all[2] = what == ALL_AND_KEPT ? ct_reshape(y, CT_SHAPE(-1)) : ct_scalar(c, ct_dtype_of(v), 1);
    all[2] = ct_reshape(all[2], CT_SHAPE(-1));
    return ct_concat(all, 3, 0);
}

/* From rows of 8, so that many are summed at once, to rows with parts; all of them in some threads,
 * too. Sizes are those where a piece, a run of the sum, and a part of it end, and one beside. */
START_TEST(sums_at_the_ends_of_groups)
{
    static const int64_t sizes[][2] = { { 300, 8 }, { 2, 4096 }, { 9, 4097 }, { 40, 300 },
                                        { 3, 70001 }, { 1, 33000 }, { 5000, 11 } };
    ct_context *some = ct_context_new(&(ct_context_options){ .threads = 3, .seed = 5 });
    for (int i = 0; i < 70; i++) {
        const int64_t *s = sizes[i % 7];
        summed what = (summed)(i / 7 % 5);
        ct_context *c = i % 2 ? some : cx;
        ct_program *p = ct_program_new(c, summing, &what, NULL);
        for (int run = 0; run < 2; run++) {
            ct_tensor *x[] = { ct_randn(c, i < 35 ? CT_F32 : CT_F64, CT_SHAPE(s[0], s[1])),
                               ct_randn(c, i < 35 ? CT_F32 : CT_F64, CT_SHAPE(s[0], s[1])) };
            compare(c, p, summing, x, 2, &what);
        }
        bool in_group = strstr(ct_program_text(p), "and a sum over") != NULL;
        ck_assert_msg(in_group == (what != WRITTEN_LATER), "%s", ct_program_text(p));
        ct_program_free(p);
    }
    ck_assert_int_eq(ct_error(some), CT_OK);
    ct_context_free(some);
}
END_TEST

/* The terms of a mean are in no memory: two tensors are read, and one gradient is written. */
START_TEST(what_is_summed_takes_no_memory)
{
    ct_program *p = ct_program_new(cx, summing, &(summed){ ALL }, NULL);
    ct_tensor *x[] = { ct_randn(cx, CT_F32, CT_SHAPE(9, 1000)),
                       ct_randn(cx, CT_F32, CT_SHAPE(9, 1000)) };
    for (int run = 0; run < 2; run++)
        compare(cx, p, summing, x, 2, &(summed){ ALL });
    const char *text = ct_program_text(p);
    ck_assert_msg(strstr(text, "and a sum over 9000 elements: 3 passes"), "%s", text);
}
END_TEST

/* rows of 3, columns, and a part of the elements are summed by themselves */
static ct_tensor *other_sums(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_sin(x[0]), *rows = ct_sum_over(y, CT_AXES(2), CT_KEEPDIMS);
    ct_tensor *columns = ct_sum_over(y, CT_AXES(0, 1), 0);
    ct_tensor *part = ct_sum(ct_slice(y, 0, 0, 40, 1));
    return ct_add(ct_add(rows, columns), part);
}

START_TEST(other_sums_are_by_themselves)
{
    ct_program *p = ct_program_new(cx, other_sums, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(50, 20, 3));
    for (int run = 0; run < 2; run++)
        compare(cx, p, other_sums, &x, 1, NULL);
    const char *text = ct_program_text(p);
    ck_assert_msg(!strstr(text, "and a sum") && strstr(text, "sum_to"), "%s", text);
}
END_TEST

/* -- What is made again */
/* c is cheap to make from x and leaf, and read before and after something that ends a group. What
 * happens in between, or how c is read, may forbid to make it again. */
typedef enum between {
    NOTHING, TWICE, BY_A_ROW, OLDER, /* it is made again; OLDER: from what is read no more */
    EXPENSIVE, TWO_READ, ACROSS, LEAF_WRITTEN, ALIAS_WRITTEN, OWN_WRITTEN, CALLED, MULTIPLIED, TURNED,
    SUMMED, MANY_TIMES, BETWEENS
} between;

typedef struct again {
    between what;
    ct_tensor *leaf;
} again;

static ct_status bump(void *object)
{
    ct_tensor *leaf = ((again *)object)->leaf;
    return ct_assign_add(leaf, 1, leaf);
}

static ct_tensor *made_again(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    again *w = user;
    ct_tensor *a = x[0], *b = w->leaf, *y, *z;
    (void)n;
    if (w->what == OLDER)
        a = ct_matmul(a, b);
    if (w->what == OWN_WRITTEN)
        b = ct_matmul(a, b);
    switch (w->what) {
    case EXPENSIVE: y = ct_exp(b); break;
    case ALIAS_WRITTEN:
    case OLDER: y = ct_shift(a, 1); break;
    case ACROSS: y = ct_sub(a, ct_transpose(b)); break;
    case BY_A_ROW: y = ct_add(a, ct_mean_over(b, CT_AXES(0), 0)); break;
    default: y = ct_sub(a, b);
    }
    if (w->what == TWICE)
        y = ct_neg(ct_shift(y, 1));
    ct_tensor *sum = ct_sum(ct_sin(y));
    if ((w->what == LEAF_WRITTEN || w->what == ALIAS_WRITTEN || w->what == OWN_WRITTEN) &&
        ct_assign_add(b, 0.5, x[0]) != CT_OK)
        return NULL;
    if (w->what == CALLED && ct_call_again(c, bump, w) != CT_OK)
        return NULL;
    z = ct_sin(ct_mul(w->what == TURNED ? ct_transpose(y) : y, sum));
    if (w->what == MULTIPLIED)
        z = ct_add(z, ct_matmul(y, x[0]));
    if (w->what == SUMMED)
        z = ct_mul(z, ct_sum(y));
    for (int i = 0; i < (w->what == MANY_TIMES ? 4 : 0); i++)
        z = ct_sin(ct_mul(ct_add(z, y), ct_mean(z)));
    return w->what == OLDER || w->what == TWO_READ ? z : ct_sin(ct_mul(ct_add(z, x[0]), b));
}

START_TEST(what_is_cheap_is_made_again)
{
    for (int what = 0; what < BETWEENS; what++) {
        again *own = ct_object_new(cx, sizeof *own, NULL);
        again *other = ct_object_new(cx, sizeof *own, NULL);
        own->what = other->what = (between)what;
        own->leaf = ct_randn(cx, CT_F64, CT_SHAPE(60, 60));
        other->leaf = ct_neg(ct_neg(own->leaf)); /* each run may write to it */
        ct_program *p = ct_program_new(cx, made_again, own, NULL);
        for (int run = 0; run < 3; run++) {
            ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(60, 60));
            bool same = what == ALIAS_WRITTEN && run == 2;
            ct_tensor *got = ct_program_run(p, same ? &own->leaf : &x, 1);
            ct_tensor *want = made_again(cx, same ? &other->leaf : &x, 1, other);
            ck_assert_msg(got && want, "%d: %s", what, ct_error_text(cx));
            ck_assert_msg(same_bits(got, want), "%d, run %d: %s", what, run, ct_program_text(p));
        }
        bool made = strstr(ct_program_text(p), "of them once more") != NULL;
        ck_assert_msg(made == (what < EXPENSIVE), "%d: %s", what, ct_program_text(p));
        if (what == NOTHING) /* c is in no memory: x and the leaf are read */
            ck_assert(strstr(ct_program_text(p), "and a sum over 3600 elements: 2 passes"));
        ct_program_free(p);
    }
    expect_ok();
}
END_TEST

/* The product is read in rows and in columns, and then written: not by the group that reads it */
static ct_tensor *turned_and_written(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_matmul(x[0], x[1]), *z = ct_exp(ct_tanh(ct_transpose(y)));
    (void)c, (void)n, (void)user;
    return ct_assign_add(y, 1, ct_tanh(x[0])) == CT_OK ? ct_mul(z, y) : NULL;
}

START_TEST(what_was_gathered_is_written_later)
{
    ct_program *p = ct_program_new(cx, turned_and_written, NULL, NULL);
    for (int run = 0; run < 3; run++)
        compare(cx, p, turned_and_written, (ct_tensor *[]){ ct_randn(cx, CT_F64, CT_SHAPE(60, 60)),
                                                            ct_randn(cx, CT_F64, CT_SHAPE(60, 60)) },
                2, NULL);
}
END_TEST

/* The product's rows but the last one are read, and then, or both of them before, its rows but the
 * first one are written: a piece of these is the next piece of those. */
static ct_tensor *shifted(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_matmul(x[0], x[1]);
    ct_tensor *above = ct_slice(y, 0, 0, 59, 1), *below = ct_slice(y, 0, 1, 60, 1);
    ct_tensor *t = ct_exp(ct_tanh(above)), *u = user ? ct_sin(below) : t;
    (void)c, (void)n;
    return ct_assign_add(below, 1, ct_tanh(ct_slice(x[0], 0, 0, 59, 1))) == CT_OK
               ? ct_mul(ct_add(t, u), above) : NULL;
}

/* gradients by parts of one variable that overlap, which are added up in its gradient */
static ct_tensor *overlapping(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g;
    ct_tensor *a = ct_slice(v, 0, 0, 59, 1), *b = ct_slice(v, 0, 1, 60, 1);
    ct_tensor *y = ct_mul(ct_tanh(a), ct_sin(b)), *z = user ? ct_mul(ct_exp(a), b) : ct_square(y);
    (void)c, (void)n;
    y = ct_add(ct_sum(ct_mul(y, z)), ct_sum(ct_mul(ct_mul(v, v), x[1])));
    return ct_grad(y, NULL, &v, 1, 0, &g) == CT_OK ? g : NULL;
}

/* one row of what a group has read, or is to be read behind it, is written: by a small kernel */
static ct_tensor *row_written(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_matmul(x[0], x[1]), *t = ct_exp(ct_tanh(user ? x[0] : y));
    ct_tensor *later = user ? ct_matmul(y, x[1]) : t, *row = ct_slice(y, 0, 59, 60, 1);
    (void)c, (void)n;
    return ct_assign_add(row, 1, ct_tanh(ct_slice(x[1], 0, 0, 1, 1))) == CT_OK
               ? ct_add(ct_mul(ct_sin(t), y), later) : NULL;
}

START_TEST(parts_are_written_in_their_turn)
{
    static int some;
    static const ct_function all[] = { shifted, row_written, overlapping };
    for (int k = 0; k < 6; k++) {
        void *user = k % 2 ? &some : NULL;
        ct_program *p = ct_program_new(cx, all[k / 2], user, NULL);
        for (int run = 0; run < 3; run++)
            compare(cx, p, all[k / 2], (ct_tensor *[]){ ct_randn(cx, CT_F64, CT_SHAPE(60, 60)),
                                                        ct_randn(cx, CT_F64, CT_SHAPE(60, 60)) },
                    2, user);
        ck_assert_msg(strstr(ct_program_text(p), "replayed 2 times"), "%s", ct_program_text(p));
    }
}
END_TEST

/* a row of a leaf is written, which a group reads as an argument */
static ct_tensor *row_of_leaf(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *t = ct_exp(ct_tanh(x[0])), *row = ct_slice(user, 0, 2900, 3000, 1);
    (void)c, (void)n;
    return ct_assign_add(row, 1, ct_tanh(ct_slice(x[0], 0, 0, 100, 1))) == CT_OK ? ct_sin(t) : NULL;
}

/* what is cheap to make again is not made of what was written meanwhile */
static ct_tensor *not_made_again(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *d = ct_sub(x[0], ct_scalar_like(x[0], 0.25)), *e = ct_sum(ct_square(d));
    (void)c, (void)n;
    if (ct_assign_add(user, 0.5, ct_sin(ct_mul(x[0], e))) != CT_OK)
        return NULL;
    return ct_tanh(ct_mul(ct_add(d, x[0]), e));
}

/* a leaf grows by squares of what is read, which may be the leaf itself, backwards */
static ct_tensor *grown_by_squares(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_assign_add(user, 0.5, ct_square(ct_sin(x[0]))) == CT_OK ? ct_tanh(x[0]) : NULL;
}

START_TEST(an_argument_may_be_what_is_written)
{
    static const ct_function all[] = { grown_by_squares, row_of_leaf, not_made_again };
    for (int k = 0; k < 3; k++) {
        ct_tensor *a = random_row(3000), *b = ct_neg(ct_neg(a)), *x = random_row(3000);
        ct_program *p = ct_program_new(cx, all[k], a, NULL);
        for (int run = 0; run < 6; run++) {
            ct_tensor *in = run < 3 ? x : a, *same = run < 3 ? x : b;
            if (k == 0)
                in = ct_flip(in, CT_AXES(0)), same = ct_flip(same, CT_AXES(0));
            ct_tensor *got = ct_program_run(p, &in, 1), *want = all[k](cx, &same, 1, b);
            ck_assert(got && want && same_bits(got, want) && same_bits(a, b));
        }
        ck_assert(strstr(ct_program_text(p), "replayed 5 times"));
    }
}
END_TEST

/* -- A small operand is gathered once, as long as nobody writes it */
typedef enum meanwhile { UNWRITTEN, OWN, LEAF, ALIAS, STEP, MEANWHILES } meanwhile;

typedef struct twice {
    meanwhile what;
    ct_tensor *leaf;
    ct_optimizer *rule;
} twice;

static ct_tensor *gathered_twice(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    twice *w = user;
    bool of_leaf = w->what == LEAF || w->what == STEP, good = true;
    ct_tensor *row = of_leaf ? w->leaf : w->what == OWN ? ct_neg(x[1]) : x[1];
    ct_tensor *y = ct_mul(x[0], ct_detach(row)), *more = ct_sin(x[2]);
    (void)c, (void)n;
    if (w->what == STEP)
        good = ct_backward(ct_sum(ct_mul(more, row))) == CT_OK &&
               ct_optimizer_step(w->rule) == CT_OK;
    else if (w->what != UNWRITTEN)
        good = ct_assign_add(w->what == OWN ? row : w->leaf, 1, more) == CT_OK;
    return good ? ct_add(ct_tanh(y), ct_mul(y, ct_detach(row))) : NULL;
}

START_TEST(what_is_small_is_gathered_once)
{
    for (int what = 0; what < MEANWHILES; what++) {
        twice w[2];
        for (int k = 0; k < 2; k++) {
            ct_tensor *leaf = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 3));
            w[k] = (twice){ (meanwhile)what, what == STEP ? ct_variable(leaf) : leaf, NULL };
            if (what == STEP)
                w[k].rule = ct_sgd_new(&w[k].leaf, 1, 0.5, NULL);
        }
        ct_program *p = ct_program_new(cx, gathered_twice, &w[0], NULL);
        for (int run = 0; run < 5; run++) {
            ct_tensor *x[2][3], *row = random_row(3), *more = random_row(3);
            for (int k = 0; k < 2; k++) {
                x[k][0] = k ? x[0][0] : ct_randn(cx, CT_F64, CT_SHAPE(4, 3));
                x[k][1] = what == ALIAS && run > 2 ? w[k].leaf : row;
                x[k][2] = more;
            }
            ct_tensor *got = ct_program_run(p, x[0], 3), *want = gathered_twice(cx, x[1], 3, &w[1]);
            ck_assert_msg(got && want && same_bits(got, want), "%d, run %d: %s", what, run,
                          ct_error_text(cx));
        }
        const char *text = ct_program_text(p);
        ck_assert_msg(strstr(text, "replayed 4 times"), "%d: %s", what, text);
        if (what == UNWRITTEN) /* mul, tanh, mul, add, and one gathering */
            ck_assert_msg(strstr(text, " 5 steps"), "%s", text);
        ct_program_free(p);
        ct_optimizer_free(w[0].rule);
        ct_optimizer_free(w[1].rule);
    }
    expect_ok();
}
END_TEST

/* -- An operator of the user's */
static void doubled_f64(int64_t n, void *y, void *const *in, const void *attributes)
{
    (void)attributes;
    for (int64_t i = 0; i < n; i++)
        ((double *)y)[i] = 2 * ((const double *)in[0])[i];
}
static const ct_kernels doubled = { .by = { [CT_F64] = { NULL, doubled_f64, doubled_f64,
                                                         doubled_f64 } } };
static int forwards;

static ct_status doubled_forward(ct_call *call)
{
    forwards++;
    ct_loop_kernel(call, CT_TENSORS(ct_call_y(call, 0), ct_call_x(call, 0)), &doubled, false);
    return CT_OK;
}

/* twice, by way of y: in a form that steps have not */
static ct_status quadrupled_forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    doubled_forward(call);
    ct_loop_kernel(call, CT_TENSORS(y, y), &doubled, false);
    return CT_OK;
}

static const ct_op doubled_op = { .name = "doubled", .inputs = 1, .flags = CT_OP_KERNELS,
                                  .infer = ct_infer_same, .forward = doubled_forward };
static const ct_op quadrupled_op = { .name = "quadrupled", .inputs = 1, .flags = CT_OP_KERNELS,
                                     .infer = ct_infer_same, .forward = quadrupled_forward };

/* x0 = 2 x1, in place */
static ct_status set_doubled_infer(ct_call *call)
{
    (void)call;
    return CT_OK;
}

static ct_status set_doubled_forward(ct_call *call)
{
    ct_loop_kernel(call, CT_TENSORS(ct_call_x(call, 0), ct_call_x(call, 1)), &doubled, false);
    return CT_OK;
}

static const ct_op set_doubled_op = { .name = "set_doubled", .inputs = 2,
                                      .flags = CT_OP_KERNELS | CT_OP_UPDATE,
                                      .infer = set_doubled_infer, .forward = set_doubled_forward };

static ct_tensor *set_doubled(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y[1] = { NULL }, *t = ct_tanh(ct_neg(x[0]));
    (void)c, (void)n;
    return ct_apply_all(&set_doubled_op, NULL, (ct_tensor *[]){ user, t }, 2, y) == CT_OK
               ? ct_exp(t) : NULL;
}

/* a kernel writes to a leaf, which may be the argument, backwards */
START_TEST(a_leaf_that_a_kernel_writes)
{
    ct_tensor *a = random_row(3000), *b = ct_neg(ct_neg(a));
    ct_program *p = ct_program_new(cx, set_doubled, a, NULL);
    for (int run = 0; run < 4; run++) {
        ct_tensor *in = ct_flip(a, CT_AXES(0)), *same = ct_flip(b, CT_AXES(0));
        ct_tensor *got = ct_program_run(p, &in, 1), *want = set_doubled(cx, &same, 1, b);
        ck_assert_msg(got && want && same_bits(got, want) && same_bits(a, b), "%s",
                      ct_error_text(cx));
    }
    ck_assert_msg(strstr(ct_program_text(p), "replayed 3 times"), "%s", ct_program_text(p));
}
END_TEST

/* A part of a result is read, and one that overlaps with it is then written by a kernel. `user`: how
 * often that one is read before. */
static ct_tensor *parts(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_tanh(x[0]), *first = ct_slice(y, 0, 0, 2000, 1);
    ct_tensor *second = ct_slice(y, 0, 1000, 3000, 1), *z = ct_sin(first), *none[1] = { NULL };
    (void)c, (void)n;
    if (*(int *)user > 0)
        z = ct_mul(z, ct_neg(second));
    return ct_apply_all(&set_doubled_op, NULL, (ct_tensor *[]){ second, z }, 2, none) == CT_OK
               ? ct_exp(y) : NULL;
}

/* Were they in one group, its later pieces would read what its earlier ones wrote. */
START_TEST(parts_that_overlap_are_no_group)
{
    for (int reads = 0; reads < 2; reads++) {
        ct_program *p = ct_program_new(cx, parts, &reads, NULL);
        for (int run = 0; run < 3; run++) {
            ct_tensor *x = random_row(3000);
            compare(cx, p, parts, &x, 1, &reads);
        }
        ck_assert_msg(strstr(ct_program_text(p), "replayed 2 times"), "%s", ct_program_text(p));
    }
    expect_ok();
}
END_TEST

static ct_tensor *applied(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_tanh(ct_apply(user, NULL, (ct_tensor *[]){ ct_neg(x[0]) }, 1));
}

START_TEST(kernels_of_users_join)
{
    ct_tensor *x = random_row(5000);
    const ct_op *ops[] = { &doubled_op, &quadrupled_op };
    for (int i = 0; i < 2; i++) {
        ct_program *p = ct_program_new(cx, applied, (void *)(uintptr_t)ops[i], NULL);
        compare(cx, p, applied, &x, 1, (void *)(uintptr_t)ops[i]);
        forwards = 0;
        ct_tensor *y = ct_program_run(p, &x, 1);
        ck_assert_int_eq(forwards, i);
        ck_assert(same_bits(y, applied(cx, &x, 1, (void *)(uintptr_t)ops[i])));
        const char *text = ct_program_text(p);
        ck_assert_msg(strstr(text, i ? "elementwise: quadrupled" : "a group of 3 kernels"), "%s",
                      text);
    }
}
END_TEST

Suite *group_suite(void);
Suite *group_suite(void)
{
    return make_suite("autograd/group", (const TTest *[]){
        mixtures_have_the_bits_of_eager_runs, so_they_have_with_threads,
        forward_and_backward_are_one_group, what_is_in_between_is_put_off,
        operands_of_three_axes, more_than_a_room_holds, a_part_is_read_when_it_is_written,
        arguments_may_overlap, sums_at_the_ends_of_groups, what_is_summed_takes_no_memory,
        other_sums_are_by_themselves, what_is_cheap_is_made_again,
        what_is_written_in_place_is_read_in_its_turn, what_was_gathered_is_written_later,
        parts_are_written_in_their_turn, an_argument_may_be_what_is_written, kernels_of_users_join,
        what_is_small_is_gathered_once, a_leaf_that_a_kernel_writes,
        parts_that_overlap_are_no_group, NULL });
}
