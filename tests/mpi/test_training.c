/* mpi/norm.c, part.c, files.c: whole runs. */
#define _POSIX_C_SOURCE 200809L
#include "parts.h"

#include <math.h>
#include <unistd.h>

static ct_mpi *new_ranks(MPI_Comm comm, bool ordered)
{
    const ct_mpi_options o = { .bucket_bytes = 64, .ordered = ordered, .timeout = 60 };
    ct_mpi *m = ct_mpi_new(cx, comm, &o);
    CHECK_MSG(m, "%s", ct_error_text(cx));
    return m;
}

/* some gradients are zero but for rounding, as that of a bias before a normalization; the others
   are about 0.1 */
static void expect_near(ct_tensor *a, ct_tensor *b, double tolerance)
{
    double most = ct_item(ct_cast(ct_max(ct_abs(b)), CT_F64)), d = ct_max_difference(a, b);
    CHECK_MSG(d <= tolerance * (most + 0.05), "differ by %g of %g", d, most);
}

/* linear, batch norm (that of `norm`), tanh, linear */
static ct_module *normalized(ct_module *norm, ct_dtype dtype)
{
    ct_seed(cx, 11);
    ct_module *layers[] = { ct_linear_new(cx, dtype, IN, 4, NULL), norm,
                            ct_activation_new(cx, CT_TANH),
                            ct_linear_new(cx, dtype, 4, OUT, NULL) };
    return ct_sequential_new(cx, layers, 4);
}

static ct_tensor *loss_by(ct_module *m, ct_dtype dtype, int64_t first, int64_t n)
{
    return ct_mse(ct_module_forward(m, examples_x(dtype, first, n)), examples_y(dtype, first, n));
}

static void batch_norm_is_that_of_the_whole_batch(void)
{
    for (int k = 0; k < 4; k++) {
        const ct_dtype dtype = k & 1 ? CT_F32 : CT_F64;
        const double tolerance = k & 1 ? 2e-6 : 1e-12;
        const int64_t all = 13, first = part_of(all, rank), n = part_of(all, rank + 1) - first;
        ct_mpi *m = new_ranks(MPI_COMM_WORLD, k & 2);
        ct_module *here = normalized(ct_mpi_batch_norm_new(m, dtype, 4, NULL), dtype);
        CHECK_MSG(ct_mpi_add_module(m, here) == CT_OK, "%s", ct_error_text(cx));
        ct_module *whole = normalized(ct_batch_norm_new(cx, dtype, 4, NULL), dtype);
        ct_tensor *mine[12], *others[12];
        const int count = ct_module_tensors(here, mine, 12);
        CHECK(count == 9 && ct_module_tensors(whole, others, 12) == count);
        ct_scope scope = ct_scope_begin(cx);
        ct_no_grad(cx);
        for (int i = 0; i < count; i++) {
            CHECK(strcmp(ct_name(mine[i]), ct_name(others[i])) == 0);
            ct_assign(others[i], mine[i]);
        }
        ct_scope_end(cx, scope);
        for (int step = 0; step < 2; step++) {
            scope = ct_scope_begin(cx);
            CHECK_MSG(ct_mpi_backward(m, loss_by(here, dtype, first, n), n) == CT_OK, "%s",
                      ct_error_text(cx));
            CHECK(ct_backward(loss_by(whole, dtype, 0, all)) == CT_OK);
            for (int i = 0; i < count; i++)
                if (ct_requires_grad(mine[i]))
                    expect_near(ct_gradient(mine[i]), ct_gradient(others[i]), tolerance);
                else if (ct_dtype_of(mine[i]) == dtype)
                    expect_near(mine[i], others[i], tolerance);
            ct_scope_end(cx, scope);
        }
        scope = ct_scope_begin(cx);
        ct_inference(cx);
        ct_tensor *x = examples_x(dtype, 0, 3);
        expect_near(ct_module_forward(here, x), ct_module_forward(whole, x), tolerance);
        ct_scope_end(cx, scope);
        ct_module_free(here);
        ct_module_free(whole);
        ct_mpi_free(m);
    }
}

static void a_total_is_the_sum_over_ranks(void)
{
    ct_mpi *m = new_ranks(MPI_COMM_WORLD, false);
    ct_tensor *x = ct_variable(ct_full(cx, CT_F64, CT_SHAPE(3), rank + 1)), *g, *h;
    ct_tensor *y = ct_mpi_total(m, ct_square(x));
    double sum = 0;
    for (int r = 0; r < ranks; r++)
        sum += (r + 1) * (r + 1);
    CHECK(ct_at(y, CT_INDEX(1)) == sum);
    /* each rank has the loss sum y^2: d/dx of all of them is ranks * 2 y * 2 x, and again */
    CHECK(ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g) == CT_OK);
    CHECK(fabs(ct_at(g, CT_INDEX(0)) - ranks * 4 * sum * (rank + 1)) < 1e-9);
    CHECK(ct_grad(ct_sum(g), NULL, &x, 1, 0, &h) == CT_OK && ct_all(ct_isfinite(h)));
    ct_tensor *t[3];
    CHECK(!ct_mpi_total(NULL, x));
    CHECK(ct_mpi_batch_norm(m, x, NULL, NULL, 0, t) == CT_ERROR_SHAPE && !t[0]);
    expect(CT_ERROR_SHAPE, "x must be (N,C,...), got (3)");
    CHECK(!ct_mpi_batch_norm_new(m, CT_F64, 0, NULL));
    expect(CT_ERROR_RANGE, "there must be 1 channel or more");
}

/* a rank that fails before a sum: the others, which wait there, get its error */
static void a_failure_beside_a_total(void)
{
    ct_mpi *m = new_ranks(MPI_COMM_WORLD, false);
    ct_module *net = normalized(ct_mpi_batch_norm_new(m, CT_F64, 4, NULL), CT_F64);
    CHECK(ct_mpi_add_module(m, net) == CT_OK);
    ct_tensor *loss = NULL;
    if (rank == ranks - 1)
        ct_fail(cx, CT_ERROR_FILE, "no such file");
    else
        loss = loss_by(net, CT_F64, 0, 4);
    CHECK(ct_mpi_backward(m, loss, 4) != CT_OK);
    CHECK(strstr(ct_error_text(cx), "no such file"));
    int n;
    ct_tensor *const *w = ct_module_parameters(net, &n);
    for (int i = 0; i < n; i++)
        CHECK(!ct_gradient(w[i]));
    ct_error_clear(cx);
}

static void sharded_states_give_the_same_steps(void)
{
    net a[2];
    for (int k = 0; k < 2; k++) {
        a[k] = make_net(CT_F32, 4);
        ct_mpi *m = new_ranks(MPI_COMM_WORLD, true);
        CHECK(ct_mpi_add_module(m, a[k].module) == CT_OK);
        ct_optimizer *o = ct_adam_new(a[k].w, a[k].n, 0.01, NULL);
        for (int i = 0; i < 30; i++) {
            ct_scope scope = ct_scope_begin(cx);
            CHECK(ct_mpi_backward(m, loss_of(&a[k], i + 3 * rank, 3), 3) == CT_OK);
            CHECK((k == 0 ? ct_optimizer_step(o) : ct_mpi_step(m, o)) == CT_OK);
            for (int j = 0; j < a[k].n; j++)
                CHECK(!ct_gradient(a[k].w[j]));
            ct_scope_end(cx, scope);
        }
        ct_optimizer_free(o);
        ct_mpi_free(m);
    }
    CHECK(same_everywhere(a[1].w, a[1].n));
    for (int i = 0; i < a[0].n; i++)
        CHECK(ct_max_difference(a[0].w[i], a[1].w[i]) == 0);
    ct_mpi *m = new_ranks(MPI_COMM_WORLD, false);
    CHECK(ct_mpi_step(m, NULL) == CT_ERROR_VALUE);
    expect(CT_ERROR_VALUE, "there are no parameters");
    CHECK(ct_mpi_add_module(m, a[0].module) == CT_OK);
    CHECK(ct_mpi_step(m, NULL) == CT_ERROR_NULL);
    expect(CT_ERROR_NULL, "the optimizer is NULL");
}

static int64_t live_bytes(void)
{
    ct_memory memory;
    ct_memory_stats(cx, &memory);
    return memory.live_bytes;
}

/* Adam keeps two numbers for each of a parameter */
static void sharded_states_take_their_part_of_memory(void)
{
    enum { W = 4, N = 1000, STATES = 2 * N * (int)sizeof(float), MORE = 4000 };
    static const char *const names[W] = { "a", "b", "c", "d" };
    ct_training t = { .module = ct_module_new(cx, "four", NULL, NULL) };
    ct_tensor *w[W], *loss = ct_scalar(cx, CT_F32, 0);
    for (int i = 0; i < W; i++) {
        w[i] = ct_module_add_parameter(t.module, names[i], ct_zeros(cx, CT_F32, CT_SHAPE(N)));
        loss = ct_add(loss, ct_sum(w[i]));
    }
    ct_mpi *m = new_ranks(MPI_COMM_WORLD, false);
    CHECK(ct_mpi_add_module(m, t.module) == CT_OK);
    t.optimizer = ct_adam_new(w, W, 0.01, NULL);
    const int64_t before = live_bytes(), most = (W + ranks - 1) / ranks * STATES + MORE;
    CHECK(ct_mpi_backward(m, loss, 1) == CT_OK && ct_mpi_step(m, t.optimizer) == CT_OK);
    const int64_t taken = live_bytes() - before;
    CHECK_MSG(taken <= most, "%lld bytes", (long long)taken);
    CHECK(ct_mpi_sum(m, (double)taken) >= W * STATES);
    CHECK(ct_mpi_save(m, &t, "/nowhere/at/all") == CT_ERROR_FILE);
    expect(CT_ERROR_FILE, "nowhere");
    CHECK(live_bytes() - before <= most); /* rank 0 had all, for the file */
}

/* -- Files */
typedef struct run {
    ct_mpi *m;
    bool sharded;
    ct_training t;
    ct_module *buffers; /* a part of the module */
} run;

static run begin(MPI_Comm comm, bool sharded)
{
    enum { ROWS = 21, BATCH = 8 };
    run r = { .m = new_ranks(comm, true), .sharded = sharded };
    ct_seed(cx, 3);
    r.t.module = ct_module_new(cx, "both", NULL, NULL);
    ct_module_add(r.t.module, "net", ct_mlp_new(cx, CT_F64, CT_SIZES(IN, 5, OUT), CT_TANH, NULL));
    r.buffers = ct_module_add(r.t.module, "norm", ct_batch_norm_new(cx, CT_F64, 2, NULL));
    CHECK(ct_mpi_add_module(r.m, r.t.module) == CT_OK);
    int n;
    ct_tensor *const *w = ct_module_parameters(r.t.module, &n);
    r.t.optimizer = ct_adam_new(w, n, 0.01, NULL);
    r.t.batches = ct_batches_new(examples_x(CT_F64, 0, ROWS), examples_y(CT_F64, 0, ROWS), BATCH,
                                 &(ct_batches_options){ .rank = ct_mpi_rank(r.m),
                                                        .ranks = ct_mpi_size(r.m), .seed = 8 });
    return r;
}

static void go_on(run *r, int batches)
{
    ct_module *net = ct_module_child(r->t.module, "net");
    for (int i = 0; i < batches; i++) {
        ct_tensor *x, *y;
        if (!ct_batches_next(r->t.batches, &x, &y)) {
            r->t.epoch++;
            continue;
        }
        ct_scope scope = ct_scope_begin(cx);
        const int64_t n = ct_size(x, 0);
        ct_tensor *loss = n > 0 ? ct_mse(ct_module_forward(net, x), y) : NULL;
        CHECK_MSG(ct_mpi_backward(r->m, loss, n) == CT_OK, "%s", ct_error_text(cx));
        CHECK((r->sharded ? ct_mpi_step(r->m, r->t.optimizer)
                          : ct_optimizer_step(r->t.optimizer)) == CT_OK);
        ct_scope_end(cx, scope);
    }
}

/* the run in that file, on these ranks, comes to where `all` is; it has taken 7 batches more */
static void expect_to_go_on(const run *all, const char *path, MPI_Comm comm, bool sharded)
{
    run r = begin(comm, sharded);
    if (ct_mpi_load(r.m, &r.t, path) != CT_OK) {
        expect(CT_ERROR_UNSUPPORTED, "jansson");
        return;
    }
    go_on(&r, 7);
    int n;
    ct_tensor *const *w = ct_module_parameters(all->t.module, &n);
    ct_tensor *const *v = ct_module_parameters(r.t.module, &n);
    for (int i = 0; i < n; i++)
        expect_near(v[i], w[i], 1e-11);
    CHECK(r.t.epoch == all->t.epoch);
}

static void a_run_goes_on_with_other_ranks(bool sharded)
{
    char path[60];
    long name = rank == 0 ? (long)getpid() : 0;
    MPI_Bcast(&name, 1, MPI_LONG, 0, MPI_COMM_WORLD);
    snprintf(path, sizeof path, "/tmp/cotangent-mpi-%ld.safetensors", name);
    MPI_Comm some; /* all but the last, which is alone */
    MPI_Comm_split(MPI_COMM_WORLD, rank == ranks - 1, rank, &some);
    run all = begin(MPI_COMM_WORLD, sharded);
    go_on(&all, 6);
    ct_fill(ct_module_parameter(all.buffers, "running_mean"), rank);
    CHECK(ct_mpi_save(all.m, &all.t, "/nowhere/at/all") == CT_ERROR_FILE);
    expect(CT_ERROR_FILE, "nowhere");
    CHECK_MSG(ct_mpi_save(all.m, &all.t, path) == CT_OK, "%s", ct_error_text(cx));
    CHECK(ct_mpi_save(all.m, NULL, path) == CT_ERROR_NULL);
    expect(CT_ERROR_NULL, "the run has no module");
    ct_tensor *mean = ct_module_parameter(all.buffers, "running_mean");
    CHECK(ct_at(mean, CT_INDEX(1)) == (ranks - 1) / 2.0);
    CHECK(ct_at(ct_module_parameter(all.buffers, "running_var"), CT_INDEX(0)) == 1);
    go_on(&all, 7);
    expect_to_go_on(&all, path, MPI_COMM_SELF, false);
    expect_to_go_on(&all, path, some, sharded);
    CHECK(ct_mpi_load(all.m, &all.t, "/nowhere/at/all") != CT_OK);
    ct_error_clear(cx);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Comm_free(&some);
    unlink(path);
}

static void a_run_goes_on_with_fewer_ranks(void)
{
    a_run_goes_on_with_other_ranks(false);
}

static void a_sharded_run_goes_on_with_fewer_ranks(void)
{
    a_run_goes_on_with_other_ranks(true);
}

const test training_tests[] = {
#define TEST(name) { #name, name, 0 }
    TEST(batch_norm_is_that_of_the_whole_batch),
    TEST(a_total_is_the_sum_over_ranks),
    TEST(a_failure_beside_a_total),
    TEST(sharded_states_give_the_same_steps),
    TEST(sharded_states_take_their_part_of_memory),
    TEST(a_run_goes_on_with_fewer_ranks),
    TEST(a_sharded_run_goes_on_with_fewer_ranks),
    { NULL, NULL, 0 }
};
