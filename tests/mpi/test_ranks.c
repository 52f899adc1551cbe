/* mpi/: what ranks are to do together, on any number of them. */
#include "parts.h"

#include <math.h>

static ct_mpi_options small(bool ordered)
{
    return (ct_mpi_options){ .bucket_bytes = 64, .ordered = ordered, .timeout = 60 };
}

static ct_mpi *ranks_of(net *a, const ct_mpi_options *o)
{
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, o);
    CHECK_MSG(m && ct_mpi_add_module(m, a->module) == CT_OK, "%s", ct_error_text(cx));
    CHECK(ct_mpi_rank(m) == rank && ct_mpi_size(m) == ranks);
    return m;
}

/* the gradients of the whole batch, by this rank alone, as copies */
static void whole(net *a, int64_t n, ct_tensor **g)
{
    CHECK(ct_grad(loss_of(a, 0, n), NULL, a->w, a->n, 0, g) == CT_OK);
}

static void backward(ct_mpi *m, net *a, int64_t all)
{
    const int64_t first = part_of(all, rank), n = part_of(all, rank + 1) - first;
    CHECK_MSG(ct_mpi_backward(m, n > 0 ? loss_of(a, first, n) : NULL, n) == CT_OK, "%s",
              ct_error_text(cx));
}

static void expect_near(ct_tensor *a, ct_tensor *b, double tolerance)
{
    double most = ct_item(ct_cast(ct_max(ct_abs(b)), CT_F64)), d = ct_max_difference(a, b);
    CHECK_MSG(d <= tolerance * most, "differ by %g of %g", d, most);
}

static void gradient_is_that_of_the_whole_batch(void)
{
    static const int64_t sizes[] = { 12, 7, 2, 1 }; /* even; uneven; some ranks have none */
    for (int k = 0; k < 16; k++) {
        const ct_dtype dtype = k & 1 ? CT_F32 : CT_F64;
        ct_mpi_options o = small(k & 2);
        o.late = k & 1;
        net a = make_net(dtype, 3);
        ct_mpi *m = ranks_of(&a, &o);
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *g[8];
        whole(&a, sizes[k / 4], g);
        backward(m, &a, sizes[k / 4]);
        for (int i = 1; i < a.n; i++)
            expect_near(ct_gradient(a.w[i]), g[i], dtype == CT_F32 ? 1e-6 : 1e-12);
        CHECK(!g[SCALE] && !ct_gradient(a.w[SCALE])); /* on no rank */
        backward(m, &a, sizes[k / 4]); /* adds */
        for (int i = 1; i < a.n; i++)
            expect_near(ct_gradient(a.w[i]), ct_scale(g[i], 2), dtype == CT_F32 ? 1e-6 : 1e-12);
        ct_scope_end(cx, scope);
        CHECK(ct_mpi_report_of(m).steps == 2 && ct_mpi_report_of(m).bytes > 0);
        ct_mpi_free(m);
        ct_module_free(a.module);
    }
}

typedef struct stepping {
    ct_mpi *m;
    net *a;
} stepping;

static ct_tensor *step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const stepping *s = user;
    ct_tensor *loss = loss_of(s->a, 0, 3);
    (void)c, (void)x, (void)n;
    return ct_mpi_backward(s->m, loss, 3) == CT_OK ? loss : NULL;
}

/* what ranks say to each other is said in each run */
static void a_program_stays_eager(void)
{
    net a = make_net(CT_F64, 3);
    ct_mpi_options o = small(true);
    stepping s = { ranks_of(&a, &o), &a };
    ct_program *p = ct_program_new(cx, step, &s, NULL);
    for (int run = 0; run < 3; run++)
        CHECK_MSG(ct_program_run(p, NULL, 0), "%s", ct_error_text(cx));
    CHECK(ct_mpi_report_of(s.m).steps == 3);
    const char *text = ct_program_text(p);
    CHECK_MSG(strstr(text, "eager: a call of MPI"), "%s", text);
    ct_program_free(p);
    ct_mpi_free(s.m);
    ct_module_free(a.module);
}

/* one process that adds in the order of ranks: sum n_r g_r, over the number of all examples */
static ct_tensor *added_in_order(net *a, int64_t all, int i)
{
    ct_tensor *sum = NULL;
    for (int r = 0; r < ranks; r++) {
        const int64_t first = part_of(all, r), n = part_of(all, r + 1) - first;
        ct_tensor *g[8];
        CHECK(ct_grad(loss_of(a, first, n), NULL, a->w, a->n, 0, g) == CT_OK);
        g[i] = ct_mul(g[i], ct_scalar_like(g[i], ranks > 1 ? (double)n : 1));
        sum = sum ? ct_add(sum, g[i]) : g[i];
    }
    return ct_div(sum, ct_scalar_like(sum, ranks > 1 ? (double)all : 1));
}

static void ordered_sums_have_the_bits_of_one_process(void)
{
    for (int k = 0; k < 2; k++) {
        ct_mpi_options o = small(true);
        net a = make_net(k ? CT_F32 : CT_F64, 5);
        ct_mpi *m = ranks_of(&a, &o);
        ct_scope scope = ct_scope_begin(cx);
        backward(m, &a, 11);
        for (int i = 1; i < a.n; i++)
            CHECK(ct_max_difference(ct_gradient(a.w[i]), added_in_order(&a, 11, i)) == 0);
        ct_scope_end(cx, scope);
        ct_mpi_free(m);
        ct_module_free(a.module);
    }
}

static void parameters_stay_equal(void)
{
    for (int k = 0; k < 2; k++) {
        net a = make_net(CT_F32, 1 + (uint64_t)rank); /* they differ at first */
        ct_mpi_options o = small(false);
        ct_mpi *m = ranks_of(&a, &o);
        CHECK(same_everywhere(a.w, a.n));
        ct_optimizer *s = k ? ct_adam_new(a.w, a.n, 0.01, NULL) : ct_sgd_new(a.w, a.n, 0.1, NULL);
        double first = 0, last = 0;
        for (int i = 0; i < 200; i++) {
            ct_scope scope = ct_scope_begin(cx);
            const int64_t at = (i * ranks + rank) % 32, n = 1 + (i + rank) % 3;
            ct_tensor *loss = loss_of(&a, at, n);
            CHECK(ct_mpi_backward(m, loss, n) == CT_OK && ct_optimizer_step(s) == CT_OK);
            last = i < 20 ? last : last + ct_item(loss);
            first += i < 20 ? ct_item(loss) : 0;
            ct_scope_end(cx, scope);
        }
        CHECK(same_everywhere(a.w, a.n));
        CHECK_MSG(last / 180 < 0.9 * first / 20, "nothing learned: %g, %g", first / 20, last / 180);
        ct_optimizer_free(s);
        ct_mpi_free(m);
        ct_module_free(a.module);
    }
}

static void absent_on_some_is_zero(void)
{
    ct_mpi_options o = small(rank < 0);
    net a = make_net(CT_F64, 2);
    ct_mpi *m = ranks_of(&a, &o);
    for (int user = 0; user < ranks; user++) { /* one rank alone uses the scale */
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *loss = loss_of(&a, 0, 4);
        loss = rank == user ? ct_mul(loss, a.w[SCALE]) : loss;
        const double value = ct_item(loss);
        CHECK(ct_mpi_backward(m, loss, 4) == CT_OK);
        CHECK(fabs(ct_item(ct_gradient(a.w[SCALE])) - value / ranks) < 1e-12);
        ct_module_zero_grad(a.module);
        ct_scope_end(cx, scope);
    }
}

static void an_error_on_one_is_an_error_on_all(void)
{
    ct_mpi_options o = small(false);
    net a = make_net(CT_F64, 2);
    ct_mpi *m = ranks_of(&a, &o);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *was = ct_mul(a.w[1], ct_scalar_like(a.w[1], 1)), *before, *g[8];
    whole(&a, 4, g);
    CHECK(ct_mpi_backward(m, loss_of(&a, 0, 4), 4) == CT_OK);
    before = ct_scale(ct_gradient(a.w[1]), 1);
    const int bad = ranks - 1;
    ct_tensor *loss = loss_of(&a, 0, 4);
    if (rank == bad)
        loss = ct_matmul(a.w[1], ct_zeros(cx, CT_F64, CT_SHAPE(9, 9))); /* they do not fit */
    CHECK(ct_mpi_backward(m, loss, 4) == CT_ERROR_SHAPE);
    char text[40];
    snprintf(text, sizeof text, rank == bad ? "matmul: " : "rank %d: matmul: ", bad);
    expect(CT_ERROR_SHAPE, text);
    CHECK(ct_max_difference(ct_gradient(a.w[1]), before) == 0);
    CHECK(ct_max_difference(a.w[1], was) == 0 && !ct_gradient(a.w[SCALE]));
    /* another one, in the walk */
    loss = loss_of(&a, 0, 4);
    if (rank == 0)
        loss = ct_item(loss) > -1 ? ct_detach(loss) : NULL;
    CHECK(ct_mpi_backward(m, loss, 4) == CT_ERROR_GRAPH);
    expect(CT_ERROR_GRAPH, "requires no grad");
    ct_module_zero_grad(a.module);
    CHECK(ct_mpi_backward(m, rank == 0 ? NULL : loss_of(&a, 0, 4), 4) == CT_ERROR_NULL);
    expect(CT_ERROR_NULL, "the loss is NULL");
    for (int i = 0; i < a.n; i++)
        CHECK(!ct_gradient(a.w[i]));
    CHECK(ct_mpi_backward(m, NULL, 0) == CT_ERROR_VALUE);
    expect(CT_ERROR_VALUE, "no rank has an example");
    CHECK(ct_mpi_backward(m, loss_of(&a, 0, 4), rank == 0 ? -1 : 4) == CT_ERROR_RANGE);
    expect(CT_ERROR_RANGE, "-1 examples");
    CHECK(ct_mpi_backward(m, loss_of(&a, 0, 4), 4) == CT_OK); /* and on it goes */
    expect_near(ct_gradient(a.w[1]), g[1], 1e-12);
    ct_scope_end(cx, scope);
}

/* The trial at the start has three sums, the last one in two parts */
static void sums_that_vary_are_found(void)
{
    static const struct { long at; bool alone; ct_mpi_sums sums; } cases[] = {
        { 0, false, CT_MPI_ALIKE }, { 2, false, CT_MPI_VARY }, { 3, false, CT_MPI_REPEAT },
        { 4, false, CT_MPI_REPEAT }, { 3, true, CT_MPI_UNTRIED }
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases && ranks == 2; k++) {
        net a = make_net(CT_F32, 3);
        ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, NULL);
        spoil_at = cases[k].at, spoil_alone = cases[k].alone;
        ct_status status = ct_mpi_add_module(m, a.module);
        CHECK_MSG(ct_mpi_sums_of(m) == cases[k].sums, "case %d: %d", (int)k, ct_mpi_sums_of(m));
        CHECK((status != CT_OK) == cases[k].alone);
        if (cases[k].alone)
            expect(CT_ERROR_UNSUPPORTED, "sums with different bits");
        ct_mpi_free(m);
    }
    ct_mpi_options o = small(true);
    net a = make_net(CT_F32, 3);
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, &o);
    CHECK(ct_mpi_sums_of(m) == CT_MPI_UNTRIED && ct_mpi_sums_of(NULL) == CT_MPI_UNTRIED);
    CHECK(ct_mpi_add_module(m, a.module) == CT_OK && ct_mpi_sums_of(m) == CT_MPI_ORDERED);
}

static void numbers_are_summed_in_order(void)
{
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, NULL);
    double sum = 0;
    for (int r = 0; r < ranks; r++)
        sum += 1.0 / (r + 1);
    CHECK(ct_mpi_sum(m, 1.0 / (rank + 1)) == sum);
    CHECK(ct_mpi_max(m, -rank) == 0 && ct_mpi_max(m, rank) == ranks - 1);
    CHECK(isnan(ct_mpi_max(m, rank == 0 ? NAN : 1)));
    CHECK(ct_mpi_mean(m, rank == 0 ? 5 : NAN, rank == 0) == 5);
    CHECK(ct_mpi_mean(m, rank + 1, 2) == (ranks + 1) / 2.0);
    CHECK(isnan(ct_mpi_mean(m, 1, 0)));
    expect(CT_ERROR_VALUE, "the weights of all ranks are 0");
    CHECK(isnan(ct_mpi_mean(m, 1, rank == 0 ? -1 : 1)));
    expect(CT_ERROR_VALUE, "must be finite and not negative, got -1");
    ct_fail(rank == ranks - 1 ? cx : NULL, CT_ERROR_FILE, "no such file");
    CHECK(isnan(ct_mpi_sum(m, 1)));
    expect(CT_ERROR_FILE, "no such file");
}

static void models_must_be_the_same(void)
{
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, NULL);
    ct_tensor *one[] = { ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(2, 3))),
                         ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(2, rank == 1 ? 4 : 3))),
                         ct_variable(ct_zeros(cx, rank == 1 ? CT_F64 : CT_F32, CT_SHAPE(1))),
                         ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(1))) };
    ct_named(one[1], "fc.weight");
    ct_named(one[3], rank == 1 ? "a" : "b");
    char text[80];
    for (int k = 1; k < 4 && ranks > 1; k++) {
        static const char *const wrong[] = { "",
            "number 1 is f32 (2,4) 'fc.weight', and on rank 0 it is f32 (2,3) 'fc.weight'",
            "number 1 is f64 (1) '', and on rank 0 it is f32 (1) ''",
            "number 1 is f32 (1) 'a', and on rank 0 it is f32 (1) 'b'" };
        CHECK(ct_mpi_add_parameters(m, CT_TENSORS(one[0], one[k])) == CT_ERROR_VALUE);
        snprintf(text, sizeof text, "%smpi_add_parameters: ", rank == 1 ? "" : "rank 1: ");
        CHECK(strstr(ct_error_text(cx), text) == ct_error_text(cx));
        expect(CT_ERROR_VALUE, wrong[k]);
    }
    if (ranks > 1) {
        CHECK(ct_mpi_add_parameters(m, one, rank == 1 ? 0 : 1) == CT_ERROR_VALUE);
        expect(CT_ERROR_VALUE, "there are 0 parameters and 0 other tensors, and on rank 0 "
                               "there are 1 and 0");
    }
    CHECK(ct_mpi_backward(m, ct_sum(one[0]), 1) == CT_ERROR_VALUE);
    expect(CT_ERROR_VALUE, "there are no parameters");
    CHECK(ct_mpi_add_module(m, NULL) == CT_ERROR_NULL);
    expect(CT_ERROR_NULL, "the module is NULL");
    CHECK(ct_mpi_add_parameters(m, CT_TENSORS(one[0], ct_zeros_like(one[0]))) == CT_ERROR_GRAPH);
    expect(CT_ERROR_GRAPH, "parameter 1 must be a variable");
    ct_tensor *across = ct_variable(ct_detach(ct_transpose(ct_zeros(cx, CT_F32, CT_SHAPE(2, 3)))));
    CHECK(ct_mpi_add_parameters(m, &across, 1) == CT_ERROR_VALUE);
    expect(CT_ERROR_VALUE, "must lie one after another");
    CHECK(ct_mpi_add_parameters(m, one, 1) == CT_OK);
    CHECK(ct_mpi_add_parameters(m, one, 1) == CT_ERROR_VALUE);
    expect(CT_ERROR_VALUE, "given before");
    CHECK(!ct_mpi_new(cx, MPI_COMM_WORLD, &(ct_mpi_options){ .timeout = rank == 0 ? -1 : 0 }));
    expect(CT_ERROR_VALUE, "timeout must not be negative");
    const ct_mpi_options bad = { .reserved = { (uint64_t)(rank == 0) } };
    CHECK(!ct_mpi_new(cx, MPI_COMM_WORLD, &bad));
    expect(CT_ERROR_VALUE, "zeroed");
    CHECK(!ct_mpi_new(cx, MPI_COMM_NULL, NULL));
    expect(CT_ERROR_NULL, "MPI_COMM_NULL");
}

static void rank_0_decides_what_all_begin_with(void)
{
    ct_mpi_options o = small(false);
    ct_seed(cx, 100 + (uint64_t)rank);
    ct_module *bn = ct_batch_norm_new(cx, CT_F32, 3, NULL);
    ct_fill(ct_module_parameter(bn, "running_mean"), rank);
    ct_fill(ct_module_parameter(bn, "num_batches_tracked"), 7 + rank);
    ct_module_freeze(bn, "bias", true);
    ct_fill(ct_module_parameter(bn, "bias"), 2 - rank);
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, &o);
    CHECK(ct_mpi_add_module(m, bn) == CT_OK);
    CHECK(ct_at(ct_module_parameter(bn, "running_mean"), CT_INDEX(2)) == 0);
    CHECK(ct_item_int(ct_module_parameter(bn, "num_batches_tracked")) == 7);
    CHECK(ct_at(ct_module_parameter(bn, "bias"), CT_INDEX(1)) == 2);
    /* each has a stream of its own; rank 0 has the one that it had */
    ct_tensor *draws = ct_rand(cx, CT_F32, CT_SHAPE(8));
    CHECK(ranks == 1 || !same_everywhere(&draws, 1));
    ct_seed(cx, 100);
    CHECK(rank != 0 || ct_max_difference(draws, ct_rand(cx, CT_F32, CT_SHAPE(8))) == 0);
}

static void batches_are_cut_by_rank(void)
{
    enum { N = 23, BATCH = 5 };
    ct_tensor *x = ct_range(cx, CT_F64, N);
    ct_batches *mine = ct_batches_new(x, NULL, BATCH, &(ct_batches_options){
        .rank = rank, .ranks = ranks, .seed = 4 });
    ct_batches *alone = ct_batches_new(x, NULL, BATCH, &(ct_batches_options){
        .ranks = 1, .seed = 4 });
    ct_mpi *m = ct_mpi_new(cx, MPI_COMM_WORLD, NULL);
    ct_random_u64(rank == 0 ? cx : NULL); /* their streams differ */
    for (int e = 0; e < 2; e++) {
        ct_tensor *part, *all;
        while (ct_batches_next(alone, &all, NULL)) {
            CHECK(ct_batches_next(mine, &part, NULL));
            const int64_t n = ct_size(all, 0), first = part_of(n, rank);
            CHECK(ct_size(part, 0) == part_of(n, rank + 1) - first);
            for (int64_t i = 0; i < ct_size(part, 0); i++)
                CHECK(ct_at(part, CT_INDEX(i)) == ct_at(all, CT_INDEX(first + i)));
            CHECK(ct_mpi_sum(m, (double)ct_size(part, 0)) == (double)n);
        }
        CHECK(!ct_batches_next(mine, &part, NULL));
    }
    ct_batches_free(mine);
    ct_batches_free(alone);
}

static void an_object_that_was_freed_is_found(void)
{
    ct_mpi_free(NULL);
    CHECK(ct_mpi_backward(NULL, NULL, 1) == CT_ERROR_NULL && ct_mpi_rank(NULL) == -1);
    CHECK(!ct_mpi_new(NULL, MPI_COMM_WORLD, NULL) && ct_mpi_size(NULL) == -1);
    CHECK(isnan(ct_mpi_sum(NULL, 1)) && isnan(ct_mpi_max(NULL, 1)));
    CHECK(isnan(ct_mpi_mean(NULL, 1, 1)));
    CHECK(ct_mpi_add_module(NULL, NULL) == CT_ERROR_NULL);
    CHECK(ct_mpi_add_parameters(NULL, NULL, 0) == CT_ERROR_NULL);
    CHECK(ct_mpi_report_of(NULL).steps == 0);
}

const test rank_tests[] = {
#define TEST(name) { #name, name, 0 }
    TEST(gradient_is_that_of_the_whole_batch),
    TEST(a_program_stays_eager),
    TEST(ordered_sums_have_the_bits_of_one_process),
    TEST(parameters_stay_equal),
    TEST(absent_on_some_is_zero),
    TEST(an_error_on_one_is_an_error_on_all),
    TEST(sums_that_vary_are_found),
    TEST(numbers_are_summed_in_order),
    TEST(models_must_be_the_same),
    TEST(rank_0_decides_what_all_begin_with),
    TEST(batches_are_cut_by_rank),
    TEST(an_object_that_was_freed_is_found),
    { NULL, NULL, 0 }
};
