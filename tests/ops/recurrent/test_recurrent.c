/* ops/recurrent/: what the walk's small samples do not reach. Sizes at which sequences are cut into
 * parts and weights are packed, stretches one after another, lengths, and errors. */
#include "support.h"

typedef ct_status layer(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h,
                        ct_tensor **c);

static ct_status rnn(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h,
                     ct_tensor **c)
{
    *c = NULL;
    return ct_rnn(x, a, y, h);
}

static ct_status gru(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h,
                     ct_tensor **c)
{
    *c = NULL;
    return ct_gru(x, a, y, h);
}

enum { CELLS = 3 };
static layer *const layers[CELLS] = { rnn, gru, ct_lstm };
static const int gates[CELLS] = { 1, 3, 4 };
static const char *const names[CELLS] = { "rnn", "gru", "lstm" };

static ct_tensor *drawn(const int64_t *shape, int ndim)
{
    return ct_variable(ct_scale(ct_randn(cx, CT_F64, shape, ndim), 0.4));
}

/* a layer of that cell for k inputs and h units, with states for n sequences */
static ct_recurrent of_sizes(int cell, int64_t n, int64_t k, int64_t h)
{
    int64_t wide = gates[cell] * h;
    ct_recurrent a = { .w_ih = drawn(CT_SHAPE(wide, k)), .w_hh = drawn(CT_SHAPE(wide, h)),
                       .b_ih = drawn(CT_SHAPE(wide)), .b_hh = drawn(CT_SHAPE(wide)),
                       .h0 = drawn(CT_SHAPE(n, h)) };
    if (cell == 2)
        a.c0 = drawn(CT_SHAPE(n, h));
    return a;
}

static ct_tensor *weighed(ct_tensor *y)
{
    int64_t n = ct_count(y);
    ct_tensor *by = ct_sin(ct_linspace(cx, ct_dtype_of(y), 0, 7, n));
    return ct_sum(ct_mul(ct_reshape(y, CT_SHAPE(n)), by));
}

/* the sum of all results, each element weighed by another number */
static ct_tensor *loss_of(ct_tensor *y, ct_tensor *h, ct_tensor *c)
{
    ct_tensor *loss = ct_add(weighed(y), weighed(h));
    return c ? ct_add(loss, weighed(c)) : loss;
}

/* the inputs that have gradients */
static int targets_of(ct_tensor *x, const ct_recurrent *a, ct_tensor **to)
{
    ct_tensor *all[] = { x, a->w_ih, a->w_hh, a->b_ih, a->b_hh, a->h0, a->c0 };
    int n = 0;
    for (int i = 0; i < 7; i++)
        if (all[i])
            to[n++] = all[i];
    return n;
}

/* -- Sizes: kernels against the rule by operators, and f32 against f64 */
static void expect_alike(ct_tensor *const *a, ct_tensor *const *b, int n, double most,
                         const char *what)
{
    expect_ok();
    for (int i = 0; i < n; i++) {
        double size = 1 + ct_item(ct_max(ct_abs(b[i])));
        double off = ct_max_difference(ct_cast(a[i], CT_F64), b[i]);
        ck_assert_msg(off <= most * size, "%s: result %d is off by %g", what, i, off);
    }
}

/* an f32 twin of the layer */
static ct_recurrent single(const ct_recurrent *a)
{
    ct_recurrent b = *a;
    ct_tensor **all[] = { &b.w_ih, &b.w_hh, &b.b_ih, &b.b_hh, &b.h0, &b.c0 };
    for (int i = 0; i < 6; i++)
        if (*all[i])
            *all[i] = ct_variable(ct_detach(ct_cast(*all[i], CT_F32)));
    return b;
}

static void check_sizes(int cell, int64_t t, int64_t n, int64_t k, int64_t h, bool reverse)
{
    ct_recurrent a = of_sizes(cell, n, k, h), b;
    ct_tensor *x = drawn(CT_SHAPE(t, n, k)), *on[7], *y[3], *fused[7], *composed[7];
    int64_t lengths[200];
    char what[100];
    for (int64_t i = 0; i < n; i++)
        lengths[i] = 1 + (i * 7 + 3) % t;
    a.reverse = reverse;
    if (n % 2)
        a.lengths = ct_from_ints(cx, CT_SHAPE(n), lengths, n);
    snprintf(what, sizeof what, "%s, %d steps of %d, %d to %d", names[cell], (int)t, (int)n,
             (int)k, (int)h);
    ck_assert_int_eq(layers[cell](x, &a, &y[0], &y[1], &y[2]), CT_OK);
    int count = targets_of(x, &a, on);
    ct_tensor *loss = loss_of(y[0], y[1], y[2]);
    ck_assert_int_eq(ct_grad(loss, NULL, on, count, 0, fused), CT_OK);
    ck_assert_int_eq(ct_grad(loss, NULL, on, count, CT_CREATE_GRAPH, composed), CT_OK);
    expect_alike(fused, composed, count, 1e-12, what);
    b = single(&a);
    ct_tensor *z[3], *x32 = ct_variable(ct_detach(ct_cast(x, CT_F32)));
    ck_assert_int_eq(layers[cell](x32, &b, &z[0], &z[1], &z[2]), CT_OK);
    expect_alike(z, y, cell == 2 ? 3 : 2, 2e-5, what);
    targets_of(x32, &b, on);
    ck_assert_int_eq(ct_grad(loss_of(z[0], z[1], z[2]), NULL, on, count, 0, fused), CT_OK);
    expect_alike(fused, composed, count, 1e-4, what);
}

START_TEST(kernels_and_rules_agree_at_all_sizes)
{
    static const int64_t sizes[][4] = { { 3, 33, 5, 20 }, { 5, 8, 9, 17 }, { 7, 1, 3, 33 },
                                        { 5, 2, 1, 40 }, { 2, 3, 4, 5 }, { 3, 140, 2, 9 },
                                        /* several pieces backward, with lengths and without */
                                        { 12, 141, 3, 25 }, { 9, 96, 3, 30 } };
    for (int cell = 0; cell < CELLS; cell++)
        for (int i = 0; i < 8; i++) {
            ct_scope scope = ct_scope_begin(cx);
            check_sizes(cell, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], i % 2 == 1);
            check_sizes(cell, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], i % 2 == 0);
            ct_scope_end(cx, scope);
        }
}
END_TEST

/* the cotangents of the steps are zeros then, in each of several pieces */
START_TEST(the_last_state_alone)
{
    ct_recurrent a = of_sizes(2, 96, 3, 30);
    ct_tensor *x = drawn(CT_SHAPE(9, 96, 3)), *on[7], *y[3], *fused[7], *composed[7];
    ck_assert_int_eq(ct_lstm(x, &a, &y[0], &y[1], &y[2]), CT_OK);
    int n = targets_of(x, &a, on);
    ck_assert_int_eq(ct_grad(weighed(y[1]), NULL, on, n, 0, fused), CT_OK);
    ck_assert_int_eq(ct_grad(weighed(y[1]), NULL, on, n, CT_CREATE_GRAPH, composed), CT_OK);
    expect_alike(fused, composed, n, 1e-12, "the last state");
}
END_TEST

/* -- Threads */
static double bits_of_all(int threads, int cell, bool f32)
{
    ct_context *own = cx;
    ct_context_options o = { .threads = threads };
    cx = ct_context_new(&o);
    ct_seed(cx, 3);
    ct_recurrent a = of_sizes(cell, 50, 30, 40);
    ct_tensor *x = drawn(CT_SHAPE(12, 50, 30)), *y[3], *on[7], *g[7];
    if (f32) {
        a = single(&a);
        x = ct_variable(ct_detach(ct_cast(x, CT_F32)));
    }
    ck_assert_int_eq(layers[cell](x, &a, &y[0], &y[1], &y[2]), CT_OK);
    ct_tensor *loss = loss_of(y[0], y[1], y[2]);
    int n = targets_of(x, &a, on);
    ck_assert_int_eq(ct_grad(loss, NULL, on, n, 0, g), CT_OK);
    double sum = ct_item(loss);
    for (int i = 0; i < n; i++)
        sum = sum * 1.1 + ct_item(weighed(g[i]));
    ct_context_free(cx);
    cx = own;
    return sum;
}

START_TEST(the_bits_do_not_depend_on_threads)
{
    for (int i = 0; i < 2 * CELLS; i++) {
        double one = bits_of_all(1, i / 2, i % 2);
        for (int threads = 2; threads <= 8; threads++)
            ck_assert_double_eq(bits_of_all(threads, i / 2, i % 2), one);
    }
}
END_TEST

/* -- Stretches, directions, lengths */
START_TEST(two_stretches_are_one_sequence)
{
    for (int cell = 0; cell < CELLS; cell++) {
        ct_recurrent a = of_sizes(cell, 4, 3, 5);
        ct_tensor *x = drawn(CT_SHAPE(6, 4, 3)), *on[7], *want[7], *have[7], *y[3], *z[3], *w[3];
        layers[cell](x, &a, &y[0], &y[1], &y[2]);
        int n = targets_of(x, &a, on);
        ct_grad(loss_of(y[0], y[1], y[2]), NULL, on, n, 0, want);
        ct_recurrent rest = a;
        layers[cell](ct_slice(x, 0, 0, 2, 1), &a, &z[0], &rest.h0, &rest.c0);
        layers[cell](ct_slice(x, 0, 2, 6, 1), &rest, &w[0], &w[1], &w[2]);
        w[0] = ct_concat(CT_TENSORS(z[0], w[0]), 0);
        expect_alike(w, y, cell == 2 ? 3 : 2, 1e-15, names[cell]);
        ct_grad(loss_of(w[0], w[1], w[2]), NULL, on, n, 0, have);
        expect_alike(have, want, n, 1e-14, names[cell]);
    }
}
END_TEST

/* a sequence of a batch, with its length, is the same as alone, and so it is backward in time */
START_TEST(a_sequence_in_a_batch_is_as_alone)
{
    const int64_t lengths[] = { 3, 5, 1 };
    for (int k = 0; k < 2 * CELLS; k++) {
        int cell = k / 2;
        ct_recurrent a = of_sizes(cell, 3, 2, 4);
        ct_tensor *x = drawn(CT_SHAPE(5, 3, 2)), *y[3], *z[3];
        a.reverse = k % 2 == 1;
        a.lengths = ct_from_ints(cx, CT_SHAPE(3), lengths, 3);
        ck_assert_int_eq(layers[cell](x, &a, &y[0], &y[1], &y[2]), CT_OK);
        for (int64_t i = 0; i < 3; i++) {
            ct_recurrent one = a;
            ct_tensor *own = ct_slice(ct_slice(x, 1, i, i + 1, 1), 0, 0, lengths[i], 1);
            one.lengths = NULL;
            one.reverse = false;
            one.h0 = ct_slice(a.h0, 0, i, i + 1, 1);
            one.c0 = ct_slice(a.c0, 0, i, i + 1, 1);
            if (a.reverse)
                own = ct_flip(own, (int64_t[]){ 0 }, 1);
            ct_error_clear(cx); /* c0 is NULL but for lstm */
            ck_assert_int_eq(layers[cell](own, &one, &z[0], &z[1], &z[2]), CT_OK);
            if (a.reverse)
                z[0] = ct_flip(z[0], (int64_t[]){ 0 }, 1);
            ct_tensor *of_batch = ct_slice(y[0], 1, i, i + 1, 1), *in = ct_slice(
                of_batch, 0, 0, lengths[i], 1);
            ck_assert_double_le(ct_max_difference(in, z[0]), 1e-15);
            ck_assert_double_le(ct_max_difference(ct_slice(y[1], 0, i, i + 1, 1), z[1]), 1e-15);
            ct_tensor *behind = ct_slice(of_batch, 0, lengths[i], CT_END, 1);
            ck_assert(ct_count(behind) == 0 || ct_item(ct_max(ct_abs(behind))) == 0);
        }
    }
}
END_TEST

/* -- Errors */
static void expect_refused(ct_tensor *x, const ct_recurrent *a, const char *text)
{
    ct_tensor *y = x, *h = x, *c = x;
    ct_error_clear(cx);
    ck_assert_int_ne(ct_lstm(x, a, &y, &h, &c), CT_OK);
    ck_assert_msg(strncmp(ct_error_text(cx), "lstm: ", 6) == 0 && strstr(ct_error_text(cx), text),
                  "\"%s\" does not say \"%s\"", ct_error_text(cx), text);
    ck_assert(!y && !h && !c);
    ct_error_clear(cx);
}

START_TEST(what_does_not_fit_is_refused)
{
    const ct_recurrent good = of_sizes(2, 2, 3, 4);
    ct_tensor *x = drawn(CT_SHAPE(5, 2, 3)), *odd = drawn(CT_SHAPE(3, 3));
    struct {
        ct_recurrent a;
        const char *text;
    } cases[] = { { good, "w_ih must be (16,3)" }, { good, "w_hh must be (16,4)" },
                  { good, "each bias must be (16)" }, { good, "h0 must be (N,H)" },
                  { good, "c0 must have the shape of h0" }, { good, "length for each of the 2" },
                  { good, "both biases or neither, and b_hh is NULL" },
                  { good, "w_hh is NULL" }, { good, "must be i64" }, { good, "one dtype" },
                  { good, "`reserved` must stay zero" },
                  { good, "length of sequence 1 must be from 1 to 5, got 0" },
                  { good, "length of sequence 0 must be from 1 to 5, got 6" } };
    cases[0].a.w_ih = cases[1].a.w_hh = cases[2].a.b_hh = cases[3].a.h0 = cases[4].a.c0 = odd;
    cases[5].a.lengths = ct_zeros(cx, CT_I64, CT_SHAPE(3));
    cases[6].a.b_hh = cases[7].a.w_hh = NULL;
    cases[8].a.lengths = ct_zeros(cx, CT_F64, CT_SHAPE(2));
    cases[9].a.b_ih = ct_cast(good.b_ih, CT_F32);
    cases[10].a.reserved[1] = 1;
    cases[11].a.lengths = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(1, 0));
    cases[12].a.lengths = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(6, 5));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(x, &cases[i].a, cases[i].text);
    expect_refused(odd, &good, "x must be (T,N,inputs) with T >= 1");
    expect_refused(ct_slice(x, 0, 0, 0, 1), &good, "x must be (T,N,inputs) with T >= 1");
    ck_assert_int_ne(ct_lstm(x, NULL, NULL, NULL, NULL), CT_OK);
}
END_TEST

/* a state that is missing since it failed is no state that begins as zeros */
START_TEST(a_state_that_failed_is_an_error)
{
    ct_recurrent a = of_sizes(2, 2, 3, 4);
    ct_tensor *x = drawn(CT_SHAPE(5, 2, 3)), *y;
    a.h0 = ct_reshape(a.h0, CT_SHAPE(7));
    ck_assert_int_ne(ct_lstm(x, &a, &y, NULL, NULL), CT_OK);
    ck_assert(!y);
    ct_error_clear(cx);
    ck_assert_int_eq(ct_lstm(x, &a, &y, NULL, NULL), CT_OK);
}
END_TEST

START_TEST(no_sequences_and_no_inputs_are_fine)
{
    for (int cell = 0; cell < CELLS; cell++) {
        ct_recurrent a = of_sizes(cell, 0, 3, 4), b = of_sizes(cell, 2, 0, 4);
        ct_tensor *x = drawn(CT_SHAPE(5, 0, 3)), *none = drawn(CT_SHAPE(5, 2, 0)), *y[3], *g[2];
        ck_assert_int_eq(layers[cell](x, &a, &y[0], &y[1], &y[2]), CT_OK);
        expect_shape(y[0], CT_SHAPE(5, 0, 4));
        expect_shape(y[1], CT_SHAPE(0, 4));
        ck_assert_int_eq(ct_grad(ct_sum(y[0]), NULL, CT_TENSORS(a.w_hh, a.b_ih), 0, g), CT_OK);
        ck_assert_double_eq(ct_item(ct_sum(ct_abs(g[0]))) + ct_item(ct_sum(ct_abs(g[1]))), 0);
        ck_assert_int_eq(layers[cell](none, &b, &y[0], &y[1], &y[2]), CT_OK);
        ck_assert_int_eq(ct_grad(ct_sum(y[0]), NULL, CT_TENSORS(b.w_ih, b.b_ih), 0, g), CT_OK);
        ck_assert_double_gt(ct_item(ct_sum(ct_abs(g[1]))), 0);
    }
}
END_TEST

Suite *recurrent_suite(void)
{
    return make_suite("recurrent", (const TTest *const[]){
        kernels_and_rules_agree_at_all_sizes, the_last_state_alone,
        the_bits_do_not_depend_on_threads,
        two_stretches_are_one_sequence, a_sequence_in_a_batch_is_as_alone,
        what_does_not_fit_is_refused, a_state_that_failed_is_an_error,
        no_sequences_and_no_inputs_are_fine, NULL });
}
